variable "vpc_id" { type = string }

resource "aws_security_group" "gateway" {
  name        = "edge-gateway"
  description = "EC2 reverse proxies with public addresses"
  vpc_id      = var.vpc_id

  ingress {
    description = "https and http/3"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  ingress {
    description = "node metrics from the monitoring network"
    from_port   = 9100
    to_port     = 9100
    protocol    = "tcp"
    cidr_blocks = ["10.60.0.0/24", "10.60.1.0/24"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_network_interface" "gateway" {
  count           = 2
  subnet_id       = element(["subnet-0aa1", "subnet-0aa2"], count.index)
  security_groups = [aws_security_group.gateway.id]
}
