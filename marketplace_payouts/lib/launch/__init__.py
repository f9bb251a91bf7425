"""What `./run` is made of: the environment it makes, the processes it looks after. Standard library only."""
