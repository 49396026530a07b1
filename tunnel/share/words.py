"""Words: a certificate's fingerprint as people say it across a room, and as phones show it.

The list is our own: concrete nouns that sound different, of which no two begin with the same three letters or are nearer to
each other than three letters. A byte is its place in the list, so the list never changes: each root would change its words.
"""

_SAID = 10  # words, 80 bits: to find a root with the same ones takes a billion keys a second for 38 million years

_LIST = """
    acorn agent album alpha amber anchor angle animal answer anvil apron arch artist aspen atlas attic august
    autumn avenue axis baby badge ballet bamboo banana barrel beach bell berry bike bishop blanket blossom
    bluebird boat bonfire bottle brick broom brush bubble bucket buffalo butter cabin cactus camera canoe carpet
    castle cedar celery chair cheese chimney cinnamon circle citrus clay clock coffee comet copper coral cotton
    cousin crayon crown cube curtain cushion dairy dawn deer delta diamond dinner doctor dolphin donkey drum
    duck dwarf easel echo egg elbow elephant engine envelope evening fabric falcon farmer feather fence fiddle
    flute forest fossil fox frame fruit funnel galaxy garden gate ghost giant glass globe gold guitar gym harbor
    hedgehog helmet hippo hotel hour hydrant igloo index infant ink insect island ivory jaguar jar jewel jigsaw
    kangaroo kayak kernel kidney kitten knee koala ladder lagoon lamp lemon library light lily lizard lobster
    lunch lynx lyric magnet mango maple meadow menu metal mirror moon mosaic mountain muffin museum napkin
    needle nest nickel north nurse nylon oboe ocean octopus olive onion opera orange orchid owl oxygen palace
    panda paper parrot pencil picnic pigeon pilot pizza poem potato prairie prince pudding puppy purple pyramid
    quail queen quiver rabbit radio raft rainbow raven recipe rhubarb ribbon rose salad school scooter ship
    silver sofa spider square stable stone sugar summer sunset swan syrup tailor teapot temple tennis thunder
    tiger train trumpet tulip typist umbrella unicorn vacuum vanilla video village violin visitor volcano voyage
    waffle walnut whale wheel willow wonder wreath yacht yogurt zebra zenith zigzag
"""
_WORDS = _LIST.split()


def fingerprint_words(hex: str) -> str:
    """Return the first ten bytes of a fingerprint as ten words.

    They tell whoever compares two screens that both show the same. They prove nothing about a page that a stranger may have
    changed on its way: a device's own settings show the digits (`fingerprint_pairs`), and these prove it.

    Args:
      hex: SHA-256 of the certificate, hex digits.
    """
    return " ".join(_WORDS[byte] for byte in bytes.fromhex(hex)[:_SAID])


def fingerprint_pairs(hex: str) -> str:
    """Return a fingerprint as the settings of phones and browsers show it: "3A:07:…"."""
    return ":".join(f"{byte:02X}" for byte in bytes.fromhex(hex))
