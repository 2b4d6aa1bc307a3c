"""Messages that could not go on: their envelope, and the queue that keeps them."""
