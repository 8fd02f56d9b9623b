"""What lists of segments show beside the segments themselves: their sizes day by day, and their labels."""
