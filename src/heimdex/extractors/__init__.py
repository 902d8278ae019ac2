"""What is said and what is written: sound to sentences, pictures to lines of text."""
