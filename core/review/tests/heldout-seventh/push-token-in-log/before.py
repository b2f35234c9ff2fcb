def session(request):
    token = request.headers["authorization"]
    log.info("session for %s", request.user.id)
    return sessions.open(token)
