#include <metrics/metrics.h>
#include <metrics/version.h>

#include <ATen/core/Formatting.h>
#include <ATen/ops/tensor.h>

#include <iostream>

int main() {
  metrics::MulticlassAccuracy accuracy({.num_classes = 3});
  accuracy.update(at::tensor({0, 1, 2, 2}), at::tensor({0, 1, 1, 2}));
  std::cout << "metrics " << METRICS_VERSION << ": " << accuracy.compute() << "\n";
  try {
    metrics::create("MulticlassAccuracy");
  } catch (const metrics::InvalidArgument& error) {
    std::cout << error.what() << "\n";
    return 0;
  }
  std::cerr << "an option that is missing was not noticed\n";
  return 1;
}
