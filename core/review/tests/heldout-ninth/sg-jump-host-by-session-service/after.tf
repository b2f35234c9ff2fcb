resource "aws_security_group" "jump" {
  name        = "jump"
  description = "Jump host"
  vpc_id      = var.vpc_id

  # Sessions come through the session service, which the agent on the host calls.
  egress {
    description = "agent calls out"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
