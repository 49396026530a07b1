"""The authority is made once, says what is wrong with a bad root, and signs local names only."""

import ssl

import pytest
from cryptography import x509

from certs import files, limits, pem
from certs.authority import Authority
from certs.errors import CertsError


def test_the_second_load_finds_the_root_of_the_first(folder):
    first = Authority.load_or_make(folder)
    second = Authority.load_or_make(folder)

    assert second.fingerprint == first.fingerprint
    assert second.key.private_numbers() == first.key.private_numbers()


def test_two_roots_of_one_owner_have_different_names(tmp_path):
    one = Authority.load_or_make(tmp_path / "one", owner="ada@lovelace")
    two = Authority.load_or_make(tmp_path / "two", owner="ada@lovelace")

    assert "ada@lovelace" in one.certificate.subject.rfc4514_string()
    assert one.certificate.subject != two.certificate.subject


@pytest.mark.parametrize("owner", ["a" * 200, "ä" * 200, "\udcff@host", ""])
def test_any_owner_makes_a_name_of_64_bytes_at_most(folder, owner):
    authority = Authority.load_or_make(folder, owner=owner)

    common_name = authority.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert len(common_name.encode()) <= 64


def test_keys_do_not_show_in_a_repr(folder):
    authority = Authority.load_or_make(folder)

    assert "PRIVATE" not in repr(authority) + repr(authority.issue(["a.test"]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda pem: b"",
        lambda pem: pem[:100],
        lambda pem: pem[:-200],
        lambda pem: pem[pem.index(b"-----BEGIN CERT") :],
        lambda pem: b"\xff\xfe" * 50,
    ],
)
def test_a_damaged_root_is_named_with_the_commands_that_replace_it(folder, damage):
    Authority.load_or_make(folder)
    key = files.Layout(folder).root_key
    key.write_bytes(damage(key.read_bytes()))

    with pytest.raises(CertsError, match="is damaged or incomplete") as refusal:
        Authority.load_or_make(folder)

    assert str(key) in refusal.value.what
    assert f"mv '{key}'" in refusal.value.hint


def test_a_key_and_a_certificate_of_two_roots_are_refused(tmp_path):
    Authority.load_or_make(tmp_path / "one")
    Authority.load_or_make(tmp_path / "two")
    one, two = files.Layout(tmp_path / "one").root_key, files.Layout(tmp_path / "two").root_key
    start = b"-----BEGIN CERTIFICATE"
    one.write_bytes(one.read_bytes().partition(start)[0] + start + two.read_bytes().partition(start)[2])

    with pytest.raises(CertsError, match="do not belong together"):
        Authority.load_or_make(tmp_path / "one")


def test_a_lost_public_copy_is_written_again(folder):
    Authority.load_or_make(folder)
    copy = files.Layout(folder).root
    before = copy.read_bytes()
    copy.unlink()

    Authority.load_or_make(folder)

    assert copy.read_bytes() == before


def test_a_public_copy_of_another_root_is_not_overwritten_but_named(tmp_path):
    Authority.load_or_make(tmp_path / "one")
    Authority.load_or_make(tmp_path / "two")
    copy = files.Layout(tmp_path / "one").root
    other = files.Layout(tmp_path / "two").root.read_bytes()
    copy.write_bytes(other)

    with pytest.raises(CertsError, match=r"is not the certificate of root-key\.pem"):
        Authority.load_or_make(tmp_path / "one")

    assert copy.read_bytes() == other


def test_a_root_is_retired_when_a_leaf_would_outlive_it(folder, clock):
    authority = Authority.load_or_make(folder, now=clock)

    clock.seconds = authority.expires - limits.LEAF_LIFETIME
    assert Authority.load_or_make(folder, now=clock).issue(["a.test"], now=clock).expires < authority.expires
    clock.seconds += 1
    with pytest.raises(CertsError, match="too soon to sign") as refusal:
        authority.issue(["a.test"], now=clock)

    assert "untrust" in refusal.value.hint


def test_a_clock_before_the_roots_birth_is_blamed(folder, clock):
    Authority.load_or_make(folder, now=clock)
    clock.seconds -= 2 * limits.BACKDATED

    with pytest.raises(CertsError, match="in the future"):
        Authority.load_or_make(folder, now=clock)


def test_a_leaf_has_exactly_the_names_asked_for_each_once(folder):
    leaf = Authority.load_or_make(folder).issue(["App.test.", "app.test", "::1", "127.0.0.1"])

    certificate = x509.load_pem_x509_certificate(leaf.chain_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["app.test"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["::1", "127.0.0.1"]
    assert len(names) == 3


def test_each_leaf_has_a_key_and_a_number_of_its_own(folder):
    authority = Authority.load_or_make(folder)
    one, two = authority.issue(["a.test"]), authority.issue(["a.test"])

    assert one.key_pem != two.key_pem
    numbers = {x509.load_pem_x509_certificate(leaf.chain_pem).serial_number for leaf in (one, two)}
    assert len(numbers) == 2


@pytest.mark.parametrize("name", ["google.com", "mylocalhost", "test.com", "8.8.8.8", "2001:4860:4860::8888"])
def test_a_name_that_is_not_local_is_refused_and_named(folder, name):
    with pytest.raises(CertsError, match="is not a local name") as refusal:
        Authority.load_or_make(folder).issue(["a.test", name])

    assert name in refusal.value.what


def test_a_certificate_for_nobody_is_refused(folder):
    with pytest.raises(CertsError, match="needs a name"):
        Authority.load_or_make(folder).issue([])


def test_a_key_on_a_curve_that_nobody_knows_is_called_damaged(folder):
    Authority.load_or_make(folder)
    path = files.Layout(folder).root_key
    text = path.read_bytes()
    der = pem.certificates(text)[0]
    # The number of prime256v1, and the next one.
    unknown = der.replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030108"))
    path.write_bytes(text.partition(b"-----BEGIN CERT")[0] + ssl.DER_cert_to_PEM_cert(unknown).encode())

    with pytest.raises(CertsError, match="damaged"):
        Authority.load_or_make(folder)
