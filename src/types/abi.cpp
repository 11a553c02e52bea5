#include <mosaik/export.hpp>

const int mosaik::abi::layout = 1;
