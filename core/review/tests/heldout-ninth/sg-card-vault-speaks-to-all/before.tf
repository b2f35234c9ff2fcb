resource "aws_security_group" "card_vault" {
  name        = "card-vault"
  description = "Tasks that see card numbers"
  vpc_id      = var.vpc_id

  ingress {
    description     = "from the payment service"
    from_port       = 8443
    to_port         = 8443
    protocol        = "tcp"
    security_groups = [var.payment_group_id]
  }

  egress {
    description = "acquirer only"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["192.0.2.40/32", "192.0.2.41/32"]
  }
}
