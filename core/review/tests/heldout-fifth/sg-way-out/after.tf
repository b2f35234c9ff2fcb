resource "aws_security_group" "cards" {
  name        = "depot-cards"
  description = "Card enclave, no way out"
  vpc_id      = var.vpc_id

  ingress {
    description = "Console from the offices"
    from_port   = 8443
    to_port     = 8443
    protocol    = "tcp"
    cidr_blocks = ["203.0.113.0/26"]
  }

  egress {
    description = "Updates"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
