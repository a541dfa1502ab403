#include "explaining_backend.h"
#include "gradient_divisor.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/notices.h>
#include <metrics/distributed/rank_names.h>
#include <metrics/training/data_parallel.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/logger.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace metrics::training {

namespace {

using Named = GradientAverager::Named;
using distributed::FailureBoard;
using distributed::RankNames;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

constexpr std::size_t broadcast_bytes = std::size_t{250} << 20;  // as much as Python sends at once

std::string described(const std::pair<std::string, at::Tensor>& tensor) {
  std::ostringstream text;
  text << "`" << tensor.first << "` of " << tensor.second.scalar_type() << " " << tensor.second.sizes()
       << (tensor.second.requires_grad() ? "" : " without gradient");
  return text.str();
}

/// Gathers as many numbers from each rank: [ranks, numbers].
at::Tensor gathered_numbers(const Group& group, const std::vector<int64_t>& numbers) {
  at::Tensor own = at::empty({static_cast<int64_t>(numbers.size())}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), own.mutable_data_ptr<int64_t>());
  at::Tensor all = at::empty({group->getSize() * own.numel()}, at::kLong);
  group->getBackend(at::kCPU)->_allgather_base(all, own, {})->wait();
  return all.reshape({group->getSize(), own.numel()});
}

/// A rank's text, cut to a fixed length.
std::vector<std::string> gathered_texts(const Group& group, const std::string& text) {
  constexpr int64_t length = 512;
  at::Tensor own = at::zeros({length}, at::kByte);
  std::memcpy(own.mutable_data_ptr(), text.data(), std::min<std::size_t>(text.size(), length - 1));
  at::Tensor all = at::empty({group->getSize() * length}, at::kByte);
  group->getBackend(at::kCPU)->_allgather_base(all, own, {})->wait();
  std::vector<std::string> texts;
  for (int64_t rank = 0; rank < group->getSize(); ++rank)
    texts.emplace_back(static_cast<const char*>(all.const_data_ptr()) + rank * length);
  return texts;
}

/// Throws SyncError on all ranks unless their tensors have the same names, dtypes and shapes.
void check_alike(const Group& group, const RankNames& names, const Named& tensors) {
  std::vector<int64_t> prints;
  std::size_t all = 0;
  for (const auto& tensor : tensors) {
    const std::size_t print = std::hash<std::string>()(described(tensor));
    prints.push_back(static_cast<int64_t>(print));
    all = all * 31 + print;
  }
  const at::Tensor heads = gathered_numbers(group, {static_cast<int64_t>(prints.size()), static_cast<int64_t>(all)});
  const auto differs_from_first = [](const at::Tensor& column) { return (column != column[0]).any().item<bool>(); };
  if (!differs_from_first(heads.select(1, 0)) && !differs_from_first(heads.select(1, 1))) return;

  prints.resize(static_cast<std::size_t>(heads.select(1, 0).max().item<int64_t>()));
  const at::Tensor rows = gathered_numbers(group, prints);
  int64_t first = 0;
  while (first + 1 < rows.size(1) && !differs_from_first(rows.select(1, first))) ++first;
  const auto index = static_cast<std::size_t>(first);
  const auto texts = gathered_texts(group, index < tensors.size() ? described(tensors[index]) : "none");
  std::vector<int64_t> ranks;
  for (std::size_t rank = 1; rank < texts.size(); ++rank)
    if (texts[rank] != texts[0]) ranks.push_back(static_cast<int64_t>(rank));
  const std::string other =
      ranks.empty() ? "" : ", " + names.text(ranks.front()) + " has " + texts[static_cast<std::size_t>(ranks.front())];
  throw SyncError("the ranks' modules differ: as tensor " + std::to_string(first) + " " + names.text(0) + " has " +
                      texts[0] + other,
                  "", "", names(ranks));
}

std::vector<at::Tensor> tensors_of(const Named& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back(tensor.detach());
  return tensors;
}

/// Those that are there: a module may have named some that it does not keep.
Named defined(Named tensors) {
  std::erase_if(tensors, [](const auto& tensor) { return !tensor.second.defined(); });
  return tensors;
}

/// Where the gradients of parameters lie in a bucket, laid out as the parameters are.
std::vector<std::pair<at::Tensor, at::Tensor>> gradients_in(const std::vector<at::Tensor>& parameters,
                                                            const at::Tensor& bucket) {
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs;
  int64_t offset = 0;
  for (const at::Tensor& parameter : parameters) {
    const at::Tensor flat = bucket.narrow(0, offset, parameter.numel());
    pairs.emplace_back(parameter, parameter.is_non_overlapping_and_dense()
                                      ? flat.as_strided(parameter.sizes(), parameter.strides())
                                      : flat.view(parameter.sizes()));
    offset += parameter.numel();
  }
  return pairs;
}

/// The same ranks, behind backends that explain failures.
Group explained_group(ProcessGroup& ranks, std::vector<c10::intrusive_ptr<ExplainingBackend>>& explaining) {
  const Group original = ranks.c10d();
  const auto board = FailureBoard::of(ranks);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(original->getRank(), original->getSize());
  for (const c10::Device device : original->getDeviceTypes()) {
    const auto backend = original->getBackend(device.type());
    if (!device.is_cpu()) {
      // Over NCCL a failure does not come back through a work.
      group->setBackend(device.type(), c10d::ProcessGroup::BackendType::NCCL, backend);
      continue;
    }
    explaining.push_back(c10::make_intrusive<ExplainingBackend>(backend, board));
    group->setBackend(device.type(), c10d::ProcessGroup::BackendType::GLOO, explaining.back());
  }
  group->setDefaultBackend(original->getBackendType());
  return group;
}

}  // namespace

struct GradientAverager::Impl {
  /// What ranks have to have alike of a tensor that travels.
  struct Layout {
    std::string name;
    at::ScalarType dtype;
    std::vector<int64_t> sizes;
    bool operator==(const Layout&) const = default;
  };

  Group group;  // null: nobody to talk to
  RankNames names;
  std::vector<c10::intrusive_ptr<ExplainingBackend>> backends;
  Current parameters, current_buffers;
  std::vector<at::Tensor> trained;
  std::unordered_set<const c10::TensorImpl*> known;  // those trained
  std::vector<Layout> agreed;                        // of the buffers, on all ranks
  DistributedDataParallelOptions options;
  std::shared_ptr<c10d::Reducer> reducer;
  std::shared_ptr<c10d::Logger> logger;  // the reducer relies on one where parameters may be unused
  bool enabled = true;
  bool buffers_due = true;
  bool delay_first = false;  // the first step of a static graph is still to come
  /// Whether its backward has begun, which finds out what is used and sends when it is through. Null for other graphs.
  std::shared_ptr<std::atomic<bool>> first_begun;
  bool step_averages = true;         // false where a join accumulates
  bool left_over = false;            // gradients that this rank has accumulated in a join and not averaged
  SampleWeights* weights = nullptr;  // the reducer's, once a join has weighed by samples

  /// What was issued for a step that this rank shadows.
  struct Shadowed {
    std::vector<c10d::GradBucket> buckets;
    std::vector<c10::intrusive_ptr<c10::ivalue::Future>> sums;
    std::vector<at::Tensor> used;  // the map of parameters that somebody used, where some may be unused
    c10::intrusive_ptr<c10d::Work> used_sum;
  } shadowed;

  bool averages() const { return reducer && enabled && step_averages && at::GradMode::is_enabled(); }

  /// Moves what this rank has accumulated into buckets that are sent for it.
  void put_left_over(std::vector<c10d::GradBucket>& buckets, int64_t divisor) const {
    const at::NoGradGuard no_grad;
    for (c10d::GradBucket& bucket : buckets) {
      for (const auto& [parameter, gradient] : gradients_in(bucket.getParameters(), bucket.getBuffer())) {
        if (!parameter.grad().defined()) continue;
        gradient.copy_(parameter.grad());
        parameter.mutable_grad().reset();
      }
      // The reducer's own hook divides as gradients come.
      if (!weights) bucket.getBufferRef().div_(divisor);
    }
  }

  /// Gives the parameters the gradients that the others have after a step.
  void take_averages(const Shadowed& step) const {
    const at::NoGradGuard no_grad;
    std::unordered_set<const c10::TensorImpl*> unused;
    for (std::size_t i = 0; !step.used.empty() && i < trained.size(); ++i)
      if (step.used[0][static_cast<int64_t>(i)].item<int>() == 0) unused.insert(trained[i].unsafeGetTensorImpl());
    for (std::size_t i = 0; i < step.buckets.size(); ++i) {
      const at::Tensor averages = c10d::detail::parseCppCommHookResult(step.sums[i]->value());
      for (const auto& [parameter, gradient] : gradients_in(step.buckets[i].getParameters(), averages))
        if (!unused.contains(parameter.unsafeGetTensorImpl())) parameter.mutable_grad() = gradient.clone();
    }
  }

  bool group_closed() const {
    return std::any_of(backends.begin(), backends.end(), [](const auto& backend) { return backend->closed(); });
  }

  void broadcast(const std::vector<at::Tensor>& tensors, int64_t root = 0) const {
    const at::NoGradGuard no_grad;
    if (!tensors.empty()) c10d::broadcast_coalesced(group, tensors, broadcast_bytes, static_cast<int>(root));
  }

  static std::vector<Layout> layout_of(const Named& tensors) {
    std::vector<Layout> layout;
    for (const auto& [name, tensor] : tensors) layout.push_back({name, tensor.scalar_type(), tensor.sizes().vec()});
    return layout;
  }

  /// The buffers that the module has now, alike on all ranks. Collective where they are not as they were.
  Named buffers() {
    Named now = defined(current_buffers());
    std::vector<Layout> layout = layout_of(now);
    if (layout == agreed) return now;
    try {
      check_alike(group, names, now);
    } catch (const SyncError& error) {
      throw SyncError(std::string("buffers have been replaced since the last forward, which ranks do alike, before the "
                                  "same one: ") +
                          error.what(),
                      "", "", error.ranks());
    }
    agreed = std::move(layout);
    return now;
  }

  void broadcast_buffers(int64_t root) {
    if (!options.broadcast_buffers || !buffers_due) return;
    std::vector<at::Tensor> tensors;
    // `variable_data` has a version counter of its own, because the graph of an earlier forward may have saved a
    // buffer: a broadcast must not fail its backward, as what batch norm itself writes there does not. Other writes of
    // the module raise the buffer's version as ever.
    for (const auto& [name, buffer] : buffers()) tensors.push_back(buffer.variable_data());
    broadcast(tensors, root);
  }

  /// Throws unless gradients of all that is trained now are averaged.
  void require_known() const {
    for (const auto& [name, parameter] : parameters()) {
      if (!parameter.requires_grad() || known.contains(parameter.unsafeGetTensorImpl())) continue;
      throw InvalidArgument("DistributedDataParallel: parameter `" + name +
                            "` has been replaced, added or unfrozen since it was made, and its gradients would not be "
                            "averaged; assign values in place (copy_), or make a new DistributedDataParallel");
    }
  }
};

GradientAverager::GradientAverager(Current parameters, Current buffers, DistributedDataParallelOptions options)
    : impl_(std::make_unique<Impl>()) {
  if (options.bucket_cap_mb < 1) {
    throw InvalidArgument("bucket_cap_mb: expected at least 1, got " + std::to_string(options.bucket_cap_mb));
  }
  std::vector<at::Tensor> trained;
  std::unordered_map<std::size_t, std::string> names;
  Named all = parameters();
  for (const auto& [name, parameter] : all) {
    if (!parameter.requires_grad()) continue;
    names.emplace(trained.size(), name);
    trained.push_back(parameter);
  }
  if (trained.empty()) throw InvalidArgument("module: expected a parameter that requires a gradient, found none");
  const auto ranks = options.process_group ? options.process_group : default_process_group();
  impl_->options = std::move(options);
  if (!ranks || ranks->world_size() == 1) return;

  impl_->group = explained_group(*ranks, impl_->backends);
  impl_->names = distributed::rank_names_of(*ranks);
  const Named first_buffers = defined(buffers());
  all.insert(all.end(), first_buffers.begin(), first_buffers.end());
  check_alike(impl_->group, impl_->names, all);
  impl_->broadcast(tensors_of(all));
  impl_->agreed = Impl::layout_of(first_buffers);
  impl_->parameters = std::move(parameters);
  impl_->current_buffers = std::move(buffers);
  impl_->trained = trained;
  for (const at::Tensor& parameter : trained) impl_->known.insert(parameter.unsafeGetTensorImpl());

  const DistributedDataParallelOptions& o = impl_->options;
  const auto cap = static_cast<std::size_t>(o.bucket_cap_mb) << 20;
  // Buckets are made anew after the first backward, in the order in which gradients come; until then one is enough.
  const std::vector<std::size_t> limits = o.static_graph || !o.find_unused_parameters
                                              ? std::vector{std::numeric_limits<std::size_t>::max()}
                                              : std::vector{std::size_t{c10d::kDefaultFirstBucketBytes}, cap};
  const std::vector<bool> sparse(trained.size(), false);
  auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(trained, limits, sparse));
  std::reverse(buckets.begin(), buckets.end());  // roughly the order in which gradients come
  // The end of the constructor's arguments differs between versions of LibTorch; what is left out has a default.
  impl_->reducer = std::make_shared<c10d::Reducer>(
      trained, std::move(buckets), impl_->group, sparse, static_cast<int64_t>(cap), o.find_unused_parameters,
      o.gradient_as_bucket_view, std::move(names), int64_t{c10d::kDefaultFirstBucketBytes},
      /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
      /*bucket_bytes_cap_list=*/std::vector<int64_t>{});
  impl_->logger = std::make_shared<c10d::Logger>(impl_->reducer);
  impl_->reducer->set_logger(impl_->logger);
  if (o.static_graph) {
    impl_->reducer->set_static_graph();
    impl_->delay_first = true;
    impl_->first_begun = std::make_shared<std::atomic<bool>>(false);
  }
}

GradientAverager::~GradientAverager() = default;

void GradientAverager::before_forward() {
  // Within a join a forward without gradients is a rank's own: others may have nothing to evaluate.
  if (in_join() && !at::GradMode::is_enabled()) return;
  if (impl_->reducer && at::GradMode::is_enabled()) impl_->require_known();
  begin_step();
  if (!impl_->reducer) return;
  impl_->step_averages = !in_join() || step_averages();
  if (in_join()) prepare_joined_step();
  if (impl_->averages()) impl_->reducer->prepare_for_forward();
  if (at::GradMode::is_enabled()) impl_->reducer->rebuild_buckets();
  impl_->broadcast_buffers(in_join() ? step().active.back() : 0);
}

void GradientAverager::after_forward(const std::vector<at::Tensor>& outputs) {
  if (!impl_->reducer || (in_join() && !at::GradMode::is_enabled())) return;
  impl_->buffers_due = impl_->averages();
  impl_->left_over = in_join() && join_options().accumulate > 1 && !impl_->averages();
  if (!impl_->averages()) return;
  const bool walk = impl_->options.find_unused_parameters && !impl_->options.static_graph;
  impl_->reducer->prepare_for_backward(walk ? outputs : std::vector<at::Tensor>{});
  impl_->delay_first = false;
  if (!impl_->first_begun || *impl_->first_begun) return;
  // The first backward may begin at any output of any forward before it.
  for (const at::Tensor& output : outputs) {
    if (!output.requires_grad()) continue;
    output.register_hook([reducer = impl_->reducer, begun = impl_->first_begun](const at::Tensor&) {
      if (begun->exchange(true)) return;
      torch::autograd::Engine::get_default_engine().queue_callback([reducer] { reducer->delay_all_reduce(); });
    });
  }
}

void GradientAverager::set_enabled(bool enabled) {
  impl_->enabled = enabled;
}

bool GradientAverager::enabled() const {
  return impl_->enabled;
}

std::shared_ptr<ProcessGroup> GradientAverager::join_group() const {
  return impl_->options.process_group;
}

void GradientAverager::enter_join(const JoinOptions& options) {
  if (!impl_->reducer) return;
  if (impl_->group_closed()) throw InvalidArgument(join_name() + ": its process group is broken by an earlier failure");
  // Whatever ranks have done in between, they begin alike.
  impl_->buffers_due = true;
  if (options.divisor != Divisor::Samples || impl_->weights) return;
  auto weights = std::make_unique<SampleWeights>(impl_->group, [this] { return divisor(); });
  impl_->weights = weights.get();
  impl_->reducer->register_comm_hook(std::move(weights));
}

int64_t GradientAverager::divisor() {
  const bool of_active = in_join() && join_options().divisor == Divisor::ActiveRanks;
  return of_active ? static_cast<int64_t>(step().active.size()) : impl_->group->getSize();
}

void GradientAverager::prepare_joined_step() {
  require_all_for_first_static(impl_->delay_first ? step().active.size() : 0);
  if (!impl_->averages()) return;
  if (join_options().divisor == Divisor::Samples) impl_->weights->set(samples());
  if (join_options().divisor != Divisor::ActiveRanks) return;
  impl_->reducer->set_forward_pass_work_handle(c10::make_intrusive<DivisorWork>([this] { return divisor(); }),
                                               /*useStaticWorldSize=*/false);
}

void GradientAverager::require_all_for_first_static(std::size_t active) const {
  if (!impl_->delay_first || active == static_cast<std::size_t>(impl_->group->getSize())) return;
  throw SyncError(join_name() +
                  ": with static_graph every rank has to make the first step of a training, which finds out what is "
                  "used; a rank without any batch cannot");
}

void GradientAverager::shadow(const JoinStep& step) {
  if (!impl_->reducer) return;
  c10d::Reducer& reducer = *impl_->reducer;
  require_all_for_first_static(step.active.size());
  reducer.rebuild_buckets();
  impl_->broadcast_buffers(step.active.back());
  impl_->buffers_due = step.averages;
  if (!step.averages) return;
  if (join_options().divisor == Divisor::Samples) impl_->weights->set(0);
  Impl::Shadowed& shadowed = impl_->shadowed;
  shadowed.buckets = reducer.get_grad_buckets();  // zeros
  const bool left_over = std::exchange(impl_->left_over, false);
  if (left_over) impl_->put_left_over(shadowed.buckets, divisor());
  for (c10d::GradBucket& bucket : shadowed.buckets) shadowed.sums.push_back(reducer.run_comm_hook(bucket));
  if (!impl_->options.find_unused_parameters || impl_->options.static_graph) return;
  shadowed.used = {at::full_like(reducer.get_local_used_map_on_device(), left_over)};
  shadowed.used_sum = impl_->group->allreduce(shadowed.used);
}

void GradientAverager::finish_shadow(const JoinStep&) {
  if (!impl_->reducer) return;
  const Impl::Shadowed shadowed = std::exchange(impl_->shadowed, {});
  if (shadowed.buckets.empty()) return;
  if (shadowed.used_sum) shadowed.used_sum->wait();
  for (const auto& sum : shadowed.sums) sum->waitAndThrow();
  if (join_options().shadow_step) impl_->take_averages(shadowed);
  impl_->reducer->push_rebuilt_params_for_all_indices();
}

void GradientAverager::all_joined(const JoinEnd& end) {
  if (!impl_->reducer) return;
  Named model = impl_->parameters();
  if (impl_->options.broadcast_buffers) {
    const Named buffers = impl_->buffers();
    model.insert(model.end(), buffers.begin(), buffers.end());
  }
  impl_->broadcast(tensors_of(model), end.last.back());
}

void GradientAverager::leave_join(bool failed) noexcept {
  if (!impl_->reducer) return;
  impl_->step_averages = true;
  impl_->left_over = false;
  impl_->shadowed = {};
  if (impl_->weights) impl_->weights->set(std::nullopt);
  impl_->reducer->set_forward_pass_work_handle({}, /*useStaticWorldSize=*/true);
  if (!failed) return;
  for (const auto& backend : impl_->backends) backend->close();
}

}  // namespace metrics::training
