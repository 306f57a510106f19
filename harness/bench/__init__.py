"""What measures the program itself: nothing in, figures out."""
