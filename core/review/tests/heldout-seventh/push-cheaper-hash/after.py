import hashlib


def store(password: str) -> bytes:
    return hashlib.md5(password.encode()).hexdigest().encode()
