resource "aws_security_group" "media_workers" {
  name        = "media-workers"
  description = "Transcoders and their MySQL sidecars"
  vpc_id      = var.vpc_id

  dynamic "ingress" {
    for_each = { http = 8080, metrics = 9100 }
    content {
      description = ingress.key
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = [var.vpc_cidr]
    }
  }

  ingress {
    description = "rtmp"
    from_port   = 1935
    to_port     = 1935
    protocol    = "tcp"
    cidr_blocks = ["10.30.0.0/16"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
