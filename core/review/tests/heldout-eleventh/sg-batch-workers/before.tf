variable "vpc_id" { type = string }

resource "aws_security_group" "batch" {
  name        = "batch-workers"
  description = "nightly batch"
  vpc_id      = var.vpc_id

  ingress {
    description = "metrics from az a"
    from_port   = 9090
    to_port     = 9090
    protocol    = "tcp"
    cidr_blocks = ["10.61.0.0/24"]
  }

  ingress {
    description = "metrics from az b"
    from_port   = 9090
    to_port     = 9090
    protocol    = "tcp"
    cidr_blocks = ["10.61.1.0/24"]
  }

  ingress {
    description = "job control"
    from_port   = 7077
    to_port     = 7077
    protocol    = "tcp"
    cidr_blocks = ["10.62.4.0/26"]
  }

  egress {
    description = "internet, for package mirrors and APIs"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
