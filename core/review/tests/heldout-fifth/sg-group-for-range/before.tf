resource "aws_security_group" "console" {
  name        = "depot-console"
  description = "Console of the depots"
  vpc_id      = var.vpc_id

  ingress {
    description = "Console from the offices"
    from_port   = 8443
    to_port     = 8443
    protocol    = "tcp"
    cidr_blocks = ["203.0.113.0/26"]
  }

  egress {
    description = "Answers within the network"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.20.0.0/16"]
  }
}
