"""THE DOOR: words in, words out. The only room that prints or exits."""
