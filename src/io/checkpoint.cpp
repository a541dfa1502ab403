#include "mapped_file.h"
#include "source.h"
#include "states_of_metric.h"
#include "torch_file.h"
#include <metrics/core/errors.h>
#include <metrics/io/checkpoint.h>

#include <algorithm>
#include <memory>

namespace metrics::io {
namespace {

/// Throws InvalidArgument where a dict has none of a metric's states: `load_state_dict` may take that for a metric that
/// was not persistent.
void require_some(const StateDict& dict, const Metric& metric, const std::string& prefix) {
  const StatesByName own = states_of(metric, prefix).states;
  const auto is_there = [&](const auto& state) { return dict.states.contains(state.first); };
  if (own.empty() || std::any_of(own.begin(), own.end(), is_there)) return;
  constexpr std::size_t most = 10;
  std::string keys;
  std::size_t count = 0;
  for (const auto& [key, value] : dict.states) {
    if (++count > most) break;
    keys += (keys.empty() ? "`" : ", `") + key + "`";
  }
  throw InvalidArgument("there is no state of " + metric.to_string() + ", such as `" + own.begin()->first + "`, but " +
                        (keys.empty() ? "nothing" : keys + (count > most ? ", …" : "")));
}

StateDict parsed(const Source& source, const StatesAt& at) {
  const bool is_torch = begins_like_zip(source.bytes) || begins_like_old_format(source.bytes);
  if (!is_torch) {
    if (!at.within.empty())
      throw InvalidArgument("a safetensors file has no dicts in it, such as `" + at.within.front() + "`");
    return to_state_dict(parse_safetensors(source.bytes, source.name), at.prefix);
  }
  const auto unknown = at.within.empty() ? UnknownClass::Refuse : UnknownClass::Keep;
  const Object all = parse_torch(source.bytes, source.name, unknown);
  const Object* found = &all;
  for (const std::string& key : at.within) found = &found->at(key);
  return to_state_dict(*found, at.prefix);
}

}  // namespace

StateDict states_of(const Metric& metric, const std::string& prefix) {
  const std::unique_ptr<Metric> copy = metric.clone();
  copy->persistent(true);
  return copy->state_dict(prefix);
}

void load_states(Metric& metric, const StateDict& dict, const StatesAt& at, const std::string& source) {
  detail::named(source, [&] {
    require_some(dict, metric, at.prefix);
    metric.load_state_dict(dict, at.prefix, at.strict);
  });
}

void write_state_dict(const std::filesystem::path& file, const StateDict& dict) {
  if (file.extension() == ".safetensors") {
    write_safetensors(file, to_safetensors(dict));
  } else {
    write_torch(file, to_object(dict));
  }
}

StateDict read_state_dict(const std::filesystem::path& file, const StatesAt& at) {
  const MappedFile mapped(file);
  return detail::named(file.string(), [&] { return parsed(mapped.source(), at); });
}

void save(const Metric& metric, const std::filesystem::path& file, const std::string& prefix) {
  write_state_dict(file, states_of(metric, prefix));
}

void load(Metric& metric, const std::filesystem::path& file, const StatesAt& at) {
  load_states(metric, read_state_dict(file, at), at, file.string());
}

}  // namespace metrics::io
