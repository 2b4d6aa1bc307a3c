"""Dead letters: their envelope, and the queue that keeps them."""
