"""What outside judges say of the listener and of the chain: sslyze of its TLS, pkilint of its certificates.

Each finding that is allowed is written here with its reason; any other fails, and so does one that is no longer found.
"""

import json
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from conformance.environments import call, environment
from tests.helpers.fronts import Front

SCANNING = 120  # seconds; it takes 11
JUDGES = ["sslyze==6.*", "pkilint==0.13.*"]

SCANS = [f"--{scan}" for scan in (
    "certinfo", "sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "compression", "reneg", "heartbleed",
    "openssl_ccs", "robot", "fallback", "ems",
)]  # fmt: skip
STRONG = ("_GCM_SHA256", "_GCM_SHA384", "_CHACHA20_POLY1305_SHA256")

# (linter, code, what it was found on): why it stands.
EXPLAINED = {
    ("pkix", "pkix.invalid_domain_name_syntax", "root"): (
        "the names that the root is constrained to are single labels (localhost, test, local, internal); pkilint wants two, "
        "RFC 5280 §4.2.1.10 does not"
    ),
    ("serverauth", "cabf.internal_ip_address", "leaf"): (
        "public authorities may not sign 127.0.0.1; signing it is what this one is for"
    ),
    ("serverauth", "cabf.serverauth.subscriber.authority_info_access_extension_absent", "leaf"): (
        "there is no server to fetch the issuer from: it is on this machine"
    ),
    ("serverauth", "cabf.serverauth.subscriber.certificate_policies_extension_absent", "leaf"): (
        "policies name the rules of a public authority; there are none to name"
    ),
    ("serverauth", "msft.end_entity.revocation_information_absent", "leaf"): (
        "a leaf lives for days, and its owner revokes by `tunnel untrust`"
    ),
    ("serverauth", "cabf.serverauth.subscriber.subject_key_identifier_extension_present", "leaf"): (
        "public authorities need not have it any more; strict verifiers (Python 3.13) ask for it"
    ),
}


def run() -> bool:
    """Scan a front; return whether nothing was found that is not explained."""
    programs = environment("judges", JUDGES)
    # Nothing listens at the target: TLS is ours, and is all that is looked at.
    with tempfile.TemporaryDirectory() as folder, Front(9, Path(folder) / "front", "--quiet") as front:
        weak = _scan(programs, front, Path(folder))
        found = _lint(programs, front, Path(folder))
    for sentence in weak:
        print(f"  FAILED sslyze: {sentence}")
    if not weak:
        print("  sslyze: TLS 1.2 and 1.3 only, forward secrecy, AEAD only, none of the known attacks")
    for key in sorted(found):
        print(
            f"  {'explained' if key in EXPLAINED else 'FAILED'} {' '.join(key)}: {EXPLAINED.get(key, 'not explained')}"
        )
    stale = set(EXPLAINED) - found
    for key in sorted(stale):
        print(f"  explained, but not found: {' '.join(key)}")
    return not weak and found == set(EXPLAINED)


def _scan(programs: Path, front: Front, folder: Path) -> list[str]:
    """Return what is wrong with the listener's TLS, in sentences."""
    report = folder / "sslyze.json"
    call(
        [programs / "python", "-m", "sslyze", "--mozilla_config=disable", f"--json_out={report}",
         f"--certinfo_ca_file={front.root}", *SCANS, f"127.0.0.1:{front.port}"],
        timeout=SCANNING,
    )  # fmt: skip
    [server] = json.loads(report.read_text())["server_scan_results"]
    said = {name: part["result"] for name, part in server["scan_result"].items() if part["status"] == "COMPLETED"}

    accepted: dict[str, list[str]] = {}
    for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"):
        suites = said[f"{version}_cipher_suites"]["accepted_cipher_suites"]
        accepted[version] = [suite["cipher_suite"]["name"] for suite in suites]
    facts = {
        "TLS 1.2 and 1.3 are spoken, nothing older": [v for v, suites in accepted.items() if suites]
        == ["tls_1_2", "tls_1_3"],
        "every suite is an AEAD": all(s.endswith(STRONG) for suites in accepted.values() for s in suites),
        "every suite of TLS 1.2 has forward secrecy": all(s.startswith("TLS_ECDHE_") for s in accepted["tls_1_2"]),
        "TLS does not compress": not said["tls_compression"]["supports_compression"],
        "a client cannot renegotiate": not said["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
        and said["session_renegotiation"]["supports_secure_renegotiation"],
        "no Heartbleed": not said["heartbleed"]["is_vulnerable_to_heartbleed"],
        "no CCS injection": not said["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"],
        "no ROBOT": said["robot"]["robot_result"].startswith("NOT_VULNERABLE"),
        "downgrades are noticed": said["tls_fallback_scsv"]["supports_fallback_scsv"],
        "the extended master secret is used": said["tls_extended_master_secret"]["supports_ems_extension"],
        "the chain is verified by the root": _verified(said["certificate_info"]),
    }
    return [f"not true: {fact}" for fact, holds in facts.items() if not holds]


def _verified(info: dict[str, Any]) -> bool:
    [deployment] = info["certificate_deployments"]
    ours = [r for r in deployment["path_validation_results"] if r["trust_store"]["name"] == "Supplied CA file"]
    return [result["was_validation_successful"] for result in ours] == [True]


def _lint(programs: Path, front: Front, folder: Path) -> set[tuple[str, str, str]]:
    """Return every finding that is a warning or worse: linter, code, and the certificate."""
    leaf = folder / "leaf.pem"
    leaf.write_text(ssl.get_server_certificate(("127.0.0.1", front.port), ca_certs=str(front.root)))
    looks = [
        ("pkix", "lint_pkix_cert", ["lint"], [leaf], "leaf"),
        ("pkix", "lint_pkix_cert", ["lint"], [front.root], "root"),
        ("serverauth", "lint_cabf_serverauth_cert", ["lint", "--detect"], [leaf], "leaf"),
        ("chain", "lint_pkix_signer_signee_cert_chain", ["lint"], [front.root, leaf], "chain"),
    ]
    found = set()
    for linter, program, words, files, subject in looks:
        # The exit code is the number of findings, so it says nothing of success.
        argv = [programs / program, *words, "--severity", "WARNING", "--format", "JSON", *files]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SCANNING, check=False)
        assert done.stdout.startswith("{"), done.stderr
        report = json.loads(done.stdout)
        for result in report["results"]:
            found |= {(linter, finding["code"], subject) for finding in result["finding_descriptions"]}
    return found
