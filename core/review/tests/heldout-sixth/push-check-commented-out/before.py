import hashlib
import hmac


def accept(message: bytes, signature: str, key: bytes) -> bool:
    """Tells whether the bank sent this message."""
    expected = hmac.new(key, message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)
