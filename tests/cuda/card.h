// The card that the verbs are tested on: an emulated one in test_cuda, a real one in test_card.
#pragma once
#include "tensor/backend.h"

namespace imagent::test {

Backend& card();  // one for all tests
// In which order emulated threads take their turns: 0 in order, else the last first and some later by chance. A real card's do as they like.
void set_disorder(unsigned disorder);

}  // namespace imagent::test
