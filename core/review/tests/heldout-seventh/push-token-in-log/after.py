def session(request):
    token = request.headers["authorization"]
    log.info("session for %s with %s", request.user.id, token)
    return sessions.open(token)
