// The contender for metrics: does what run.py asks for, one JSON request a line, and answers with one line. theirs.py
// is its counterpart, and says what the requests are.

#include <metrics/collections/metric_collection.h>
#include <metrics/collections/tracker.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/registry.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <ATen/Parallel.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

at::Tensor read_tensor(std::ifstream& file, const std::vector<int64_t>& shape, at::ScalarType dtype) {
  at::Tensor tensor = at::empty(shape, dtype);
  if (!file.read(static_cast<char*>(tensor.mutable_data_ptr()), static_cast<std::streamsize>(tensor.nbytes())))
    throw std::runtime_error("a file of inputs is too short");
  return tensor;
}

c10::IValue read_lines(std::ifstream& file) {
  c10::List<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// For each image a dict of its boxes and labels.
c10::IValue read_boxes(std::ifstream& file, const std::vector<int64_t>& shape) {
  const at::Tensor boxes = read_tensor(file, {shape[0], shape[1], 4}, at::kFloat);
  const at::Tensor labels = read_tensor(file, shape, at::kLong);
  c10::List<c10::Dict<std::string, at::Tensor>> images;
  for (int64_t i = 0; i < shape[0]; ++i) {
    c10::Dict<std::string, at::Tensor> image;
    image.insert("boxes", boxes.select(0, i));
    image.insert("labels", labels.select(0, i));
    images.push_back(std::move(image));
  }
  return images;
}

/// The tensor in a file, its lines, or the boxes and labels of its images; or a flag; or a dict of them.
c10::IValue read_input(const json& input) {
  const std::string dtype = input.at("dtype");
  if (dtype == "flag") return input.at("value").get<bool>();
  if (dtype == "dict") {
    c10::impl::GenericDict entries(c10::StringType::get(), c10::AnyType::get());
    for (const auto& [name, entry] : input.at("entries").items()) entries.insert(name, read_input(entry));
    return entries;
  }
  std::ifstream file(input.at("file").get<std::string>(), std::ios::binary);
  if (dtype == "text") return read_lines(file);
  const auto shape = input.at("shape").get<std::vector<int64_t>>();
  if (dtype == "boxes") return read_boxes(file, shape);
  return read_tensor(file, shape, dtype == "int64" ? at::kLong : at::kFloat);
}

/// The numbers of a tensor, or of all tensors in a tuple, list or dict, in order.
std::vector<double> flat(const c10::IValue& value) {
  if (value.isTensor()) {
    const at::Tensor doubles = value.toTensor().to(at::kDouble).contiguous();
    return {doubles.const_data_ptr<double>(), doubles.const_data_ptr<double>() + doubles.numel()};
  }
  std::vector<double> numbers;
  const auto append = [&](const c10::IValue& element) {
    const std::vector<double> more = flat(element);
    numbers.insert(numbers.end(), more.begin(), more.end());
  };
  if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) append(element);
  } else if (value.isGenericDict()) {
    std::map<std::string, c10::IValue> sorted;
    for (const auto& entry : value.toGenericDict()) sorted.emplace(entry.key().toStringRef(), entry.value());
    for (const auto& [key, element] : sorted) append(element);
  } else {
    for (const c10::IValue& element : value.toListRef()) append(element);
  }
  return numbers;
}

std::shared_ptr<metrics::Metric> made(const json& metric) {
  const std::string name = metric.at("name"), options = metric.at("options").dump();
  std::shared_ptr<metrics::Metric> found = metrics::create(name, metrics::options_from_json(options));
  if (auto* tracker = dynamic_cast<metrics::MetricTracker*>(found.get())) tracker->increment();
  return found;
}

/// A functional with its options, ready to be called.
std::function<c10::IValue(const metrics::Args& inputs)> functional(const json& named) {
  metrics::Kwargs options = metrics::options_from_json(named.at("options").dump());
  for (const char* of_others : {"beside", "compute_with_cache"}) options.erase(of_others);
  return [name = named.at("name").get<std::string>(), options](const metrics::Args& inputs) {
    return metrics::call(name, inputs, options);
  };
}

template <class Call>
json time(const json& request, Call&& call) {
  using Clock = std::chrono::steady_clock;
  const auto nanoseconds = [](Clock::duration time) { return std::chrono::duration<double, std::nano>(time).count(); };
  const int64_t repetitions = request.at("repetitions");
  call();
  std::vector<double> times;
  if (!request.at("each").get<bool>()) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < repetitions; ++i) call();
    times.push_back(nanoseconds(Clock::now() - start) / static_cast<double>(repetitions));
    return times;
  }
  for (int64_t i = 0; i < repetitions; ++i) {
    const auto start = Clock::now();
    call();
    times.push_back(nanoseconds(Clock::now() - start));
  }
  return times;
}

class Contender {
 public:
  json answer(const json& request) {
    const std::string work = request.at("do");
    if (work == "prepare") return prepare(request);
    if (work == "values") return values();
    if (work == "sent") return sent();
    for (const auto& metric : metrics_) metric->reset();
    update_each();
    if (work == "call") return time(request, [&] { functionals_.front()(inputs()); });
    if (work == "update") return time(request, [&] { metrics_.front()->update(inputs()); });
    if (work == "together") {
      std::vector<metrics::Metric*> all;
      for (const auto& metric : metrics_) {
        metric->reset();  // from here on they are updated together, as in a loop
        all.push_back(metric.get());
      }
      return time(request, [&] { metrics::update_together(all, inputs()); });
    }
    if (work == "collection_update") {
      metrics::MetricCollection collection = together();
      collection.reset();
      return time(request, [&] { collection.update(inputs()); });
    }
    if (work == "collection_compute") {
      metrics::MetricCollection collection = together();
      collection.reset();
      collection.update(inputs());
      return time(request, [&] { static_cast<metrics::Metric&>(collection).compute(); });
    }
    if (work == "collection_epoch") {
      metrics::MetricCollection collection = together();
      return time(request, [&] {
        collection.reset();
        collection.update(inputs());
        collection.compute();
      });
    }
    if (work == "whole") {
      return time(request, [&] {
        metrics_.front()->reset();
        metrics_.front()->update(inputs(), {}, rows_);
        metrics_.front()->compute();
      });
    }
    if (work == "forward") return time(request, [&] { metrics_.front()->forward(inputs()); });
    if (work == "compute") {
      return time(request, [&] {
        for (const auto& metric : metrics_) metric->compute();
      });
    }
    if (work == "epoch") {
      return time(request, [&] {
        metrics_.front()->reset();
        for (int i = 0; i < 100; ++i) metrics_.front()->update(inputs());
        metrics_.front()->compute();
      });
    }
    if (work == "best_metric") {
      auto& tracker = dynamic_cast<metrics::MetricTracker&>(*metrics_.front());
      while (tracker.n_steps() < 10) {
        tracker.increment();
        tracker.update(inputs());
      }
      return time(request, [&] { return tracker.best_metric(); });
    }
    if (work == "sync") return time(request, [&] { sync(); });
    if (work == "allgather") return allgather(request);
    throw std::runtime_error("unknown request " + request.dump());
  }

 private:
  json prepare(const json& request) {
    at::set_num_threads(request.at("threads"));
    batches_.clear();
    for (const json& batch : request.at("batches")) {
      batches_.emplace_back();
      for (const json& input : batch) batches_.back().push_back(read_input(input));
    }
    rows_ = {};
    if (request.contains("weights")) rows_.weights = read_input(request.at("weights")).toTensor();
    metrics_.clear();
    functionals_.clear();
    for (const json& metric : request.at("metrics")) {
      if (metrics::find_functional(metric.at("name").get<std::string>()) != nullptr) {
        functionals_.push_back(functional(metric));
      } else {
        metrics_.push_back(made(metric));
      }
    }
    update_each();
    return true;
  }

  void update_each() {
    for (const auto& metric : metrics_) {
      for (const metrics::Args& batch : batches_) metric->update(batch, {}, rows_);
    }
  }

  metrics::MetricCollection together() const {
    metrics::MetricCollection collection;
    for (const auto& metric : metrics_) collection.add({"m" + std::to_string(collection.size()), metric});
    return collection;
  }

  /// The batch that is measured.
  const metrics::Args& inputs() const { return batches_.back(); }

  json values() {
    json values = json::array();
    for (const auto& metric : metrics_) values.push_back(flat(metric->compute()));
    // Of a matrix the sums of rows tell enough.
    for (const auto& call : functionals_) values.push_back(flat(call(inputs()).toTensor().sum(-1)));
    return values;
  }

  void sync() {
    std::vector<metrics::Metric*> metrics;
    for (const auto& metric : metrics_) metrics.push_back(metric.get());
    metrics::synchronize(metrics);
    for (const auto& metric : metrics_) metric->unsync();
  }

  /// What one sync sends from this rank.
  json sent() {
    const auto before = group_->counters();
    sync();
    const auto after = group_->counters() - before;
    return {{"collectives", after.collectives}, {"bytes", after.bytes}};
  }

  json allgather(const json& request) {
    at::Tensor own = at::empty({request.at("bytes").get<int64_t>()}, at::kByte);
    at::Tensor all = at::empty({group_->world_size() * own.numel()}, at::kByte);
    const auto backend = group_->c10d()->getBackend(at::kCPU);
    return time(request, [&] { backend->_allgather_base(all, own)->wait(); });
  }

  std::shared_ptr<metrics::ProcessGroup> group_ = metrics::init_process_group();
  std::vector<std::shared_ptr<metrics::Metric>> metrics_;
  std::vector<std::function<c10::IValue(const metrics::Args& inputs)>> functionals_;
  std::vector<metrics::Args> batches_;
  metrics::Rows rows_;
};

}  // namespace

int main() {
  try {
    Contender contender;
    for (std::string line; std::getline(std::cin, line);) std::cout << contender.answer(json::parse(line)) << std::endl;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
