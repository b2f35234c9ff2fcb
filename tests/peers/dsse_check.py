"""Verifies a DSSE envelope with securesystemslib, an implementation that is not ours.

usage: dsse_check.py ENVELOPE.json PUBLIC_KEY.pem... [--threshold N] [--payload-out FILE]

Exit code 0: at least N (default 1) distinct keys of those given signed the envelope. 1: they did not.
2: wrong use, or a file that can't be read. The key id is the SHA-256 of the key's SubjectPublicKeyInfo in DER.
"""

import argparse
import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def load_key(path):
    with open(path, "rb") as file:
        public = load_pem_public_key(file.read())
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SSlibKey.from_crypto(public, keyid=hashlib.sha256(spki).hexdigest())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("envelope")
    parser.add_argument("keys", nargs="+")
    parser.add_argument("--threshold", type=int, default=1)
    parser.add_argument("--payload-out")
    arguments = parser.parse_args()

    try:
        keys = [load_key(path) for path in arguments.keys]
        with open(arguments.envelope, "rb") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        print(f"dsse_check: {error}", file=sys.stderr)
        return 2

    try:
        envelope = Envelope.from_dict(json.loads(text))
        accepted = envelope.verify(keys, arguments.threshold)
    # Whatever the library throws at a broken envelope is a refusal, never a pass.
    except (VerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"dsse_check: refused: {error}", file=sys.stderr)
        return 1

    if arguments.payload_out:
        with open(arguments.payload_out, "wb") as file:
            file.write(envelope.payload)
    print(f"verified {envelope.payload_type} by {', '.join(sorted(accepted))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
