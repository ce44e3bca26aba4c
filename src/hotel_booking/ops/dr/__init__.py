"""Another region takes over (`restore`): its database (`database`), what Terraform does not hold (`platform`,
`roles`), and the way there for guests (`dns`). Decision 0079."""
