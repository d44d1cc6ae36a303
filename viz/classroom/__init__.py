"""What a class has answered."""
