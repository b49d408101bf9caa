// The program `imagent`.
#include "cli/commands.h"
#include "cli/interrupt.h"

int main(int count, char** values) {
  imagent::open_standard_streams();
  imagent::install_signal_handlers();
  return imagent::run_program({values + (count > 0), values + count});
}
