#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/retrieval/reciprocal_rank.h>

namespace metrics {

namespace {

constexpr std::string_view domain = "retrieval";

/// What torchmetrics' functionals take beside the documents of their one query.
struct QueryOptions {
  std::optional<int64_t> top_k{};

  static constexpr auto fields() {
    return metrics::fields<&QueryOptions::top_k>().about(
        {"Only so many documents are looked at, those of the highest scores; all if None."});
  }
};

/// The entry of `M` whose functional is called as `call(preds, target, top_k)`: without indexes.
template <class M, auto call>
MetricEntry entry_of_query() {
  MetricEntry made = entry<M>(domain);
  made.call = [](const Args& args, const Kwargs& kwargs) -> c10::IValue {
    using D = typename M::Definition;
    constexpr std::array<std::string_view, 2> names{"preds", "target"};
    constexpr std::array<bool, 2> optional{};
    Kwargs options, inputs;
    for (const auto& [name, value] : kwargs) {
      (std::find(names.begin(), names.end(), name) != names.end() ? inputs : options).emplace(name, value);
    }
    const auto bound = detail::bind_inputs(D::functional, names.data(), optional.data(), names.size(), args, inputs);
    const auto tensor = [&](std::size_t i) {
      const auto read = Codec<Tensor>::read(*bound[i]);
      if (!read) detail::throw_input_type(D::functional, names[i], Codec<Tensor>::type(), *bound[i], {});
      return *read;
    };
    return call(tensor(0), tensor(1), options_from<QueryOptions>(options, D::functional).top_k);
  };
  return made;
}

}  // namespace

Domain retrieval_domain() {
  return {.name = domain,
          .metrics = {entry_of_query<RetrievalMRR, functional::retrieval_reciprocal_rank>()},
          .routers = {}};
}

}  // namespace metrics
