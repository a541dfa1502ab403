#include "registry.h"

#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

namespace metrics {

namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string_view, std::unique_ptr<MetricEntry>, std::less<>> metrics;  // by name; addresses never change
  std::map<std::string_view, std::unique_ptr<RouterEntry>, std::less<>> routers;
  std::map<std::string_view, std::unique_ptr<FunctionalEntry>, std::less<>> functionals;
  std::map<std::string_view, const RouterEntry*, std::less<>> functional_routers;

  Registry() {
    for (const Domain& domain :
         {aggregation_domain(), classification_domain(), clustering_domain(), collections_domain(), detection_domain(),
          image_domain(), nominal_domain(), pairwise_domain(), regression_domain(), retrieval_domain(), shape_domain(),
          text_domain()}) {
      for (const MetricEntry& entry : domain.metrics) add(entry);
      for (const FunctionalEntry& entry : domain.functionals) add(entry);
      for (const RouterEntry& router : domain.routers) {
        const auto& kept = routers[router.name] = std::make_unique<RouterEntry>(router);
        if (!router.functional.empty()) functional_routers[router.functional] = kept.get();
      }
    }
  }

  bool has_functional(std::string_view name) const {
    return functionals.contains(name) || functional_routers.contains(name);
  }

  void add(MetricEntry entry) {
    const bool has_one = !entry.functional.name.empty();
    if (metrics.contains(entry.name) || routers.contains(entry.name) ||
        (has_one && has_functional(entry.functional.name))) {
      throw InvalidArgument("a metric named `" + std::string(entry.name) + "`, or its functional `" +
                            std::string(entry.functional.name) + "`, is registered already");
    }
    if (has_one) add(entry.functional);
    if (entry.summary.empty()) entry.summary = detail::description(entry.name);
    // The parts of a class that is made of others are described by its own comment and options.
    const std::string options = std::string(entry.name) + "Options";
    const auto describe_all = [&](auto& parts) {
      for (auto& part : parts) {
        if (part.description.empty()) part.description = detail::description(entry.name, part.name);
        if (part.description.empty()) part.description = detail::description(options, part.name);
      }
    };
    describe_all(entry.options);
    describe_all(entry.inputs);
    describe_all(entry.outputs);
    auto kept = std::make_unique<MetricEntry>(std::move(entry));
    metrics[kept->name] = std::move(kept);
  }

  void add(FunctionalEntry entry) {
    if (has_functional(entry.name)) {
      throw InvalidArgument("a functional named `" + std::string(entry.name) + "` is registered already");
    }
    auto kept = std::make_unique<FunctionalEntry>(std::move(entry));
    functionals[kept->name] = std::move(kept);
  }
};

Registry& registry() {
  static Registry all;
  return all;
}

template <class Map>
auto find_in(const Map& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &*found->second;
}

/// The allowed names nearest to a misspelt one would be guesswork; a listing is one command away.
[[noreturn]] void throw_unknown(std::string_view kind, std::string_view name) {
  throw InvalidArgument("unknown " + std::string(kind) + " `" + std::string(name) +
                        "`; `metrics list` and list_metrics() show all names");
}

/// Takes the options that every metric has out of `options`.
MetricOptions take_common(Kwargs& options, MetricOptions common, std::string_view what) {
  auto take = [&]<class T>(const char* name, T& member) {
    const auto found = options.find(name);
    if (found == options.end()) return;
    auto value = Codec<T>::read(found->second);
    if (!value) detail::throw_option_type(what, name, Codec<T>::type(), found->second);
    member = *std::move(value);
    options.erase(found);
  };
  take("compute_on_cpu", common.compute_on_cpu);
  take("dist_sync_on_step", common.dist_sync_on_step);
  take("sync_on_compute", common.sync_on_compute);
  take("compute_with_cache", common.compute_with_cache);
  take("name", common.name);
  for (const char* name : {"process_group", "dist_sync_fn", "distributed_available_fn"}) {
    const auto found = options.find(name);
    if (found == options.end()) continue;
    if (!found->second.isNone()) {
      throw InvalidArgument(std::string(what) + ": option `" + name +
                            "` cannot be given by value; set it in MetricOptions");
    }
    options.erase(found);
  }
  return common;
}

bool has_option(const MetricEntry& entry, std::string_view option) {
  return std::any_of(entry.options.begin(), entry.options.end(),
                     [&](const OptionInfo& info) { return info.name == option; });
}

bool has_input(const MetricEntry& entry, std::string_view input) {
  return std::any_of(entry.inputs.begin(), entry.inputs.end(),
                     [&](const InputInfo& info) { return info.name == input; });
}

/// The class that a router's options ask for, and its options.
std::pair<const MetricEntry*, Kwargs> routed(const RouterEntry& router, const Kwargs& options) {
  const std::string what(router.name);
  const auto task = options.find("task");
  if (task == options.end()) detail::throw_missing_option(what, "task");
  const RouterEntry::Task* chosen = nullptr;
  std::string allowed;
  for (const RouterEntry::Task& candidate : router.tasks) {
    (allowed += allowed.empty() ? "one of '" : ", '").append(candidate.task) += "'";
    if (task->second.isString() && task->second.toStringRef() == candidate.task) chosen = &candidate;
  }
  if (chosen == nullptr) detail::throw_option_type(what, "task", allowed, task->second);
  const MetricEntry* entry = find_metric(chosen->metric);
  if (!chosen->required_option.empty()) {
    const auto given = options.find(chosen->required_option);
    if (given == options.end() || given->second.isNone()) {
      throw InvalidArgument(what + ": option `" + std::string(chosen->required_option) + "` is required for task '" +
                            std::string(chosen->task) + "'");
    }
  }
  Kwargs kept;
  for (const auto& [name, value] : options) {
    if (name == "task") continue;
    if (has_option(*entry, name) || has_input(*entry, name)) {
      kept.emplace(name, value);
      continue;
    }
    std::vector<std::string_view> known{"task"};
    for (const RouterEntry::Task& other : router.tasks) {
      for (const OptionInfo& option : find_metric(other.metric)->options) {
        if (std::find(known.begin(), known.end(), option.name) == known.end()) known.push_back(option.name);
      }
    }
    if (std::find(known.begin(), known.end(), name) == known.end()) detail::throw_unknown_option(what, name, known);
  }
  for (const auto& [name, value] : router.defaults) {
    if (!has_option(*entry, name)) continue;
    const auto read = [](const auto& given) -> c10::IValue {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(given)>, std::string_view>) {
        return std::string(given);
      } else {
        return given;
      }
    };
    kept.emplace(std::string(name), std::visit(read, value));
  }
  return {entry, std::move(kept)};
}

constexpr int deepest_list = 16;  // far beyond any option, and short of the stack's end

c10::IValue from_json(const nlohmann::json& json, const std::string& name, int depth = 0) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() && json.get<uint64_t>() > std::numeric_limits<int64_t>::max()) {
    throw InvalidArgument("option `" + name + "`: " + json.dump() + " is no int64");
  }
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array() && depth < deepest_list) {
    c10::impl::GenericList list(c10::AnyType::get());
    for (const nlohmann::json& element : json) list.push_back(from_json(element, name, depth + 1));
    return list;
  }
  if (json.is_object() && depth < deepest_list) {  // a metric, or metrics by name
    c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
    for (const auto& [key, element] : json.items()) dict.insert(key, from_json(element, name, depth + 1));
    return dict;
  }
  throw InvalidArgument("option `" + name + "`: what lies in lists or objects as deep as this is no option value");
}

nlohmann::json parsed(std::string_view text) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw InvalidArgument(std::string("not JSON: ") + error.what());
  }
}

Kwargs options_from(const nlohmann::json& json) {
  if (!json.is_object()) throw InvalidArgument("options must be a JSON object");
  Kwargs options;
  for (const auto& [name, value] : json.items()) options.emplace(name, from_json(value, name));
  return options;
}

}  // namespace

std::vector<const MetricEntry*> list_metrics() {
  const std::lock_guard lock(registry().mutex);
  std::vector<const MetricEntry*> all;
  for (const auto& [name, entry] : registry().metrics) all.push_back(entry.get());
  return all;
}

std::vector<const RouterEntry*> list_routers() {
  const std::lock_guard lock(registry().mutex);
  std::vector<const RouterEntry*> all;
  for (const auto& [name, router] : registry().routers) all.push_back(router.get());
  return all;
}

std::vector<const FunctionalEntry*> list_functionals() {
  const std::lock_guard lock(registry().mutex);
  std::vector<const FunctionalEntry*> all;
  for (const auto& [name, entry] : registry().functionals) all.push_back(entry.get());
  return all;
}

const MetricEntry* find_metric(std::string_view name) {
  const std::lock_guard lock(registry().mutex);
  return find_in(registry().metrics, name);
}

const RouterEntry* find_router(std::string_view name) {
  const std::lock_guard lock(registry().mutex);
  return find_in(registry().routers, name);
}

const FunctionalEntry* find_functional(std::string_view name) {
  const std::lock_guard lock(registry().mutex);
  return find_in(registry().functionals, name);
}

void register_metric(MetricEntry entry) {
  const std::lock_guard lock(registry().mutex);
  registry().add(std::move(entry));
}

void register_functional(FunctionalEntry entry) {
  const std::lock_guard lock(registry().mutex);
  registry().add(std::move(entry));
}

std::unique_ptr<Metric> create(std::string_view name, const Kwargs& options, const MetricOptions& common,
                               std::source_location made_at) {
  Kwargs own = options;
  const MetricOptions merged = take_common(own, common, name);
  const auto made_by = [&](const MetricEntry& entry, const Kwargs& class_options) {
    std::unique_ptr<Metric> metric = entry.create(class_options, merged);
    metric->set_made_at(made_at);
    return metric;
  };
  if (const MetricEntry* entry = find_metric(name)) return made_by(*entry, own);
  const RouterEntry* router = find_router(name);
  if (router == nullptr) throw_unknown("metric", name);
  const auto [entry, class_options] = routed(*router, own);
  return made_by(*entry, class_options);
}

std::unique_ptr<Metric> create_from_json(std::string_view json, const MetricOptions& common,
                                         std::source_location made_at) {
  const nlohmann::json spec = parsed(json);
  if (!spec.is_object() || !spec.contains("name") || !spec.at("name").is_string()) {
    throw InvalidArgument("a metric in JSON is an object with a string `name`, and `options` if it has any");
  }
  for (const auto& [key, value] : spec.items()) {
    if (key != "name" && key != "options") {
      throw InvalidArgument("a metric in JSON has `name` and `options`, not `" + key + "`");
    }
  }
  return create(spec["name"].get<std::string>(), spec.contains("options") ? options_from(spec["options"]) : Kwargs{},
                common, made_at);
}

Kwargs options_from_json(std::string_view json) {
  return options_from(parsed(json));
}

c10::IValue call(std::string_view name, const Args& args, const Kwargs& kwargs) {
  if (const FunctionalEntry* entry = find_functional(name)) return entry->call(args, kwargs);
  const RouterEntry* router = [&] {
    const std::lock_guard lock(registry().mutex);
    const auto found = registry().functional_routers.find(name);
    return found == registry().functional_routers.end() ? nullptr : found->second;
  }();
  if (router == nullptr) throw_unknown("functional", name);
  const auto [target, options] = routed(*router, kwargs);
  return target->functional.call(args, options);
}

}  // namespace metrics
