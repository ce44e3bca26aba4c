# In place of modules/generated in `terraform test`: mock providers refuse ephemeral resources (Terraform 1.11).
variable "name" {
  type = string
}

variable "words" {
  type = set(string)
}

variable "generation" {
  type = number
}

variable "copies_region" {
  type = string
}

variable "key_arn" {
  type = string
}
