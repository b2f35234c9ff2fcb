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
    description = "acquirer and package mirror"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
