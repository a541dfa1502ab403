// The tested parts of the demo, which is a program and no library.
#include "../../examples/digits/idx.cpp"
#include "../../examples/digits/report.cpp"
