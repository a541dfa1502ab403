/// Does what @ref no_such_function does.
int sum(int a, int b);
