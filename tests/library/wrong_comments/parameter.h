/// Adds two numbers.
/// @param c  there is no such parameter
int sum(int a, int b);
