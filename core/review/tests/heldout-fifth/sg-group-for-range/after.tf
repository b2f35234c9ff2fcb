resource "aws_security_group" "console" {
  name        = "depot-console"
  description = "Console of the depots"
  vpc_id      = var.vpc_id

  ingress {
    description = "Console from the offices"
    from_port   = 8443
    to_port     = 8443
    protocol    = "tcp"
    security_groups = [aws_security_group.balancer.id]
  }

  egress {
    description = "Answers within the network"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.20.0.0/16"]
  }
}
