// The digits are those of the demo.
#include "../digits/idx.cpp"
