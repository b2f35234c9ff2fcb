import jwt


def user(token, key):
    return jwt.decode(token, options={"verify_signature": False})
