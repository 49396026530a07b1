"""Look: what the share's own pages look like. Strings of HTML without scripts, for a phone in light and dark; no decisions.

Every word of a stranger is escaped here. The style stands in the page and is allowed by its hash (Content Security
Policy 3 §2.3.1): a page needs nothing but itself.
"""

import base64
import hashlib
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --dim: #5b6875; --paper: #f4f6f8; --card: #fff;
 --line: #d9dfe5; --go: #0b62d6 }
@media (prefers-color-scheme: dark) {
 :root { --ink: #e8edf2; --dim: #9aa7b4; --paper: #10161c; --card: #19222b; --line: #2d3a46; --go: #6ab0ff }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.2rem; background: var(--paper);
 color: var(--ink); font: 17px/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 26rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
 padding: 1.6rem 1.5rem }
h1 { font-size: 1.3rem; line-height: 1.25; margin: 0 0 .5rem }
p { margin: .6rem 0; overflow-wrap: anywhere }
.dim, footer { color: var(--dim); font-size: .9rem }
.code { font: 600 4.2rem/1.1 ui-monospace, monospace; letter-spacing: .15em; text-align: center; margin: 1rem 0 1rem .15em }
.wrong { border-left: 4px solid #d33; padding-left: .8rem }
label { display: block; margin: 1rem 0 .3rem; font-weight: 600 }
input, button { width: 100%; font: inherit; padding: .75rem .9rem; border-radius: .6rem; border: 1px solid var(--line) }
input { background: var(--paper); color: var(--ink) }
button { margin-top: 1rem; background: var(--go); color: var(--card); font-weight: 600; border: 0 }
button.quiet { background: none; color: var(--go); border: 1px solid var(--line) }
a { color: var(--go) }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px }
footer { margin-top: 1.4rem; border-top: 1px solid var(--line); padding-top: .8rem }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">{refresh}
<title>{title}</title>
<style>{style}</style>
<main>
<h1>{title}</h1>
{body}
<footer>{footer}</footer>
</main>
</html>
"""
_FOOTER = "Somebody shares a service of theirs with this network, through tunnel."
_TRUST = ' If your browser warned you: <a href="/.tunnel/trust">how to trust this machine</a>.'


class Look:
    """The pages of one share.

    Args:
      trust: Whether there is a page that says how a device comes to trust our authority.
    """

    def __init__(self, trust: bool) -> None:
        self._footer = _FOOTER + (_TRUST if trust else "")

    def log_in(self, to: str, token: str, wrong: str = "") -> str:
        """The form that asks for the password.

        Args:
          to: Where to go afterwards.
          token: That only this browser knows.
          wrong: What to say of the last try.
        """
        said = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
        body = f"""{said}
<form method="post" action="/.tunnel/login">
<input type="hidden" name="to" value="{escape(to)}">
<input type="hidden" name="token" value="{escape(token)}">
<input name="name" value="share" autocomplete="username" hidden>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button>Come in</button>
</form>
<p class="dim">Whoever gave you this address knows it.</p>"""
        return self._page("This service asks for a password", body)

    def scan(self, used: bool) -> str:
        """How one comes in by pairing.

        Args:
          used: A link was opened that is worth nothing (any more).
        """
        said = (
            '<p class="wrong" role="alert">This link does not let anybody in. Each can be opened once.</p>'
            if used
            else ""
        )
        body = f"""{said}
<p>Scan the code that is shown now at the computer that shares this service, or open the link beside it.</p>
<p class="dim">Each code lets one device ask to come in, and then another takes its place.</p>"""
        return self._page("This device is not let in yet", body)

    def needs(self, what: str) -> str:
        """That one comes in by something that a page cannot take: a token, a certificate."""
        return self._page("This device is not let in", f"<p>{escape(what)}</p>")

    def asking(self, code: str, who: str) -> str:
        """That somebody is being asked about a device; it looks for the answer by itself."""
        body = f"""<p>At the computer that shares this service somebody is asked about this device ({escape(who)}).
It should show this number:</p>
<p class="code">{escape(code)}</p>
<p class="dim">This page goes on by itself. <a href="/.tunnel/wait">Look again</a></p>"""
        return self._page("Waiting to be let in", body, refresh="1;url=/.tunnel/wait?held")

    def denied(self) -> str:
        """That the answer was no."""
        return self._page("This device was not let in", "<p>The answer was no. To ask again, scan the code anew.</p>")

    def inside(self, name: str, left: float | None, token: str) -> str:
        """Who this device is here, and how it leaves."""
        ends = "for as long as it runs" if left is None else f"for {_minutes(left)}"
        body = f"""<p>Here it is called <strong>{escape(name)}</strong>. The service stays open {ends}.</p>
<p><a href="/">Go to the service</a></p>
<form method="post" action="/.tunnel/logout">
<input type="hidden" name="token" value="{escape(token)}">
<button class="quiet">Leave</button>
</form>"""
        return self._page("This device is in", body)

    def gone(self) -> str:
        """That it has left."""
        return self._page("This device has left", "<p>Its cookie is worth nothing now.</p>")

    def wait(self, hint: str) -> str:
        """That there were too many tries."""
        return self._page("Too many tries", f"<p>{escape(hint[:1].upper() + hint[1:])}, then try again.</p>")

    def problem(self, title: str, text: str) -> str:
        """Anything else."""
        return self._page(title, f"<p>{escape(text)}</p>")

    def _page(self, title: str, body: str, refresh: str = "") -> str:
        again = f'\n<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
        return _PAGE.format(title=escape(title), style=_STYLE, body=body, footer=self._footer, refresh=again)


def _minutes(seconds: float) -> str:
    minutes = max(round(seconds / 60), 1)
    if minutes < 120:
        return f"{minutes} more minute{'s' if minutes > 1 else ''}"
    return f"{round(minutes / 60)} more hours"
