// A project with a training loop of its own, without the trainer.
#include <metrics/aggregation/aggregation.h>
#include <metrics/training/join.h>
#include <metrics/training/loader.h>

#include <ATen/ops/ones.h>

int main() {
  using namespace metrics::training;
  const auto world = metrics::init_process_group();
  Loader loader(in_memory(at::ones({8, 2})), DistributedSampler(8), {.batch_size = 2});
  metrics::SumMetric samples({}, {.dist_sync_on_step = true});
  Join join({samples}, {.batches = loader.size()});
  for (const Batch& batch : loader) samples.forward(static_cast<double>(batch.size()));
  join.finish();
  return samples.compute().item<float>() == 8 ? 0 : 1;
}
