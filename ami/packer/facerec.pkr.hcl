# The same machine by way of Packer: Debian's own machine image, changed by the same provision.sh. Larger than the image of
# `bun run image`, slower to boot (initial RAM disk, sshd), and for those who build all their images this way.
#
#   npx -y bun@1.4.5 ami/build.ts worker --stage-only
#   packer plugins install github.com/hashicorp/amazon
#   packer build -var region=eu-west-1 -var role=worker ami/packer

variable "region" {
  type = string
}

variable "role" {
  type        = string
  description = "worker or web."
  default     = "worker"
}

source "amazon-ebs" "debian" {
  region        = var.region
  instance_type = "t3.small"
  ssh_username  = "admin"
  ami_name      = "facerec-${var.role}-${formatdate("YYYYMMDD-hhmmss", timestamp())}"
  ena_support   = true
  imds_support  = "v2.0"

  source_ami_filter {
    # Debian's account.
    owners      = ["136693071363"]
    most_recent = true
    filters = {
      name                = "debian-13-amd64-*"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

build {
  sources = ["source.amazon-ebs.debian"]

  provisioner "file" {
    source      = "${path.root}/../../dist/image/${var.role}-stage"
    destination = "/tmp/facerec-image"
  }

  provisioner "shell" {
    inline = [
      "sudo cloud-init status --wait",
      "sudo apt-get update",
      "sudo apt-get install --yes --no-install-recommends systemd-resolved systemd-timesyncd libstdc++6",
      "sudo sh /tmp/facerec-image/provision.sh ${var.role}",
      "sudo rm -rf /tmp/facerec-image",
    ]
  }
}
