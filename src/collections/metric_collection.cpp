#include <metrics/collections/metric_collection.h>
#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <string_view>

namespace metrics {

namespace {

/// `known` as a list for messages.
template <class Names>
std::string listed(const Names& names) {
  std::string all;
  for (const std::string& name : names) (all += all.empty() ? "" : ", ") += name;
  return all.empty() ? "none" : all;
}

bool is_made_of(const Metric& metric, const Metric& part) {
  const std::vector<ChildMetric> below = metric.children();
  return &metric == &part || std::any_of(below.begin(), below.end(),
                                         [&](const ChildMetric& child) { return is_made_of(*child.metric, part); });
}

}  // namespace

NamedValues::NamedValues(const c10::IValue& dict) {
  if (!dict.isGenericDict()) throw InvalidArgument("values by name are a dict, got " + describe(dict));
  for (const auto& entry : dict.toGenericDict()) {
    if (!entry.key().isString()) throw InvalidArgument("a value's name is a string, got " + describe(entry.key()));
    entries_.emplace_back(entry.key().toStringRef(), entry.value());
  }
}

bool NamedValues::contains(std::string_view name) const {
  return std::any_of(begin(), end(), [&](const Entry& entry) { return entry.first == name; });
}

const c10::IValue& NamedValues::at(std::string_view name) const {
  const auto found = std::find_if(begin(), end(), [&](const Entry& entry) { return entry.first == name; });
  if (found != end()) return found->second;
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.first);
  throw InvalidArgument("there is no value `" + std::string(name) + "`; there are: " + listed(names));
}

const Tensor& NamedValues::tensor(std::string_view name) const {
  const c10::IValue& value = at(name);
  if (value.isTensor()) return value.toTensor();
  throw InvalidArgument("value `" + std::string(name) + "` is no tensor, but " + describe(value));
}

std::ostream& operator<<(std::ostream& out, const NamedValues& values) {
  for (const auto& [name, value] : values) {
    out << name << ": ";
    if (value.isTensor() && value.toTensor().numel() == 1) {
      out << value.toTensor().item<double>();
    } else {
      out << value;
    }
    out << "\n";
  }
  return out;
}

MetricCollection::MetricCollection(std::span<const Member> members, Options options) : options_(std::move(options)) {
  for (const Member& member : members) add(member);
}

MetricCollection MetricCollection::of_names(std::span<const std::string> names, const Kwargs& options,
                                            const MetricOptions& common) {
  MetricCollection collection;
  for (const std::string& name : names) collection.add({name, create(name, options, common)});
  return collection;
}

MetricCollection MetricCollection::of_options(const Kwargs& options) {
  const auto is_metric = [](const c10::IValue& given) {
    const auto name = detail::entry_of(given, "name");
    return name && name->isString();  // else it is metrics by name, of which one is called `name`
  };
  const auto metric_of = [](const std::string& what, const c10::IValue& given) {
    auto metric = Codec<MetricHandle>::read(given);
    if (!metric) detail::throw_option_type("MetricCollection", what, Codec<MetricHandle>::type(), given);
    return std::move(*metric);
  };
  MetricCollection collection;
  bool has_metrics = false;
  for (const auto& [option, given] : options) {
    if (option == "prefix" || option == "postfix") {
      if (given.isNone()) continue;
      if (!given.isString()) detail::throw_option_type("MetricCollection", option, Codec<std::string>::type(), given);
      (option == "prefix" ? collection.options_.prefix : collection.options_.postfix) = given.toStringRef();
    } else if (option != "metrics") {
      detail::throw_unknown_option("MetricCollection", option, {"metrics", "prefix", "postfix"});
    } else if (has_metrics = true; given.isGenericDict() && !is_metric(given)) {
      for (const auto& entry : given.toGenericDict()) {
        const std::string name = entry.key().isString() ? entry.key().toStringRef() : "";
        if (name.empty()) throw InvalidArgument("MetricCollection: a name in `metrics` is empty");
        collection.add({name, metric_of("metrics." + name, entry.value())});
      }
    } else if (const auto elements = detail::elements_of(given)) {
      for (const c10::IValue& element : *elements) collection.add(metric_of("metrics", element));
    } else {
      collection.add(metric_of("metrics", given));
    }
  }
  if (!has_metrics) detail::throw_missing_option("MetricCollection", "metrics");
  return collection;
}

MetricCollection MetricCollection::from_json(std::string_view json) {
  return of_options(options_from_json(json));
}

void MetricCollection::add_one(std::string name, const MetricHandle& metric, Shown shown) {
  if (name.empty() || name.find('.') != std::string::npos) {
    throw InvalidArgument("MetricCollection: a member's name is not empty and has no dot, got `" + name + "`");
  }
  if (contains(name)) throw InvalidArgument("MetricCollection: there are two members `" + name + "`");
  parts().add(std::move(name), metric);
  shown_.push_back(std::move(shown));
}

void MetricCollection::add(Member member) {
  if (is_made_of(*member.metric, *this)) {
    throw InvalidArgument("MetricCollection: what is added is the collection itself, or made of it");
  }
  auto* nested = dynamic_cast<MetricCollection*>(&*member.metric);
  if (nested == nullptr) {
    const std::string name = member.name.empty() ? std::string(member.metric->name()) : member.name;
    add_one(name, member.metric, {.around = {}, .bare_name = name});
    description_changed();
    return;
  }
  const std::string before = member.name.empty() ? "" : member.name + "_";
  const std::size_t size_before = size();
  try {
    for (const Children::Child& child : nested->parts()) {
      const Options& around = nested->options_;
      add_one(before + around.prefix + child.name + around.postfix, child.metric, {around, before + child.name});
    }
  } catch (...) {
    while (size() > size_before) {
      parts().remove(size() - 1);
      shown_.pop_back();
    }
    throw;
  }
  description_changed();
}

void MetricCollection::remove(std::string_view name) {
  const std::size_t index = index_of(name);
  parts().remove(index);
  shown_.erase(shown_.begin() + static_cast<std::ptrdiff_t>(index));
  description_changed();
}

MetricCollection MetricCollection::with_names(Options options) const {
  MetricCollection copy = *this;
  copy.options_ = std::move(options);
  copy.description_changed();
  return copy;
}

std::vector<std::string> MetricCollection::names() const {
  std::vector<std::string> all;
  for (const Children::Child& child : parts()) all.push_back(child.name);
  return all;
}

std::size_t MetricCollection::index_of(std::string_view name) const {
  const std::size_t index = parts().find(name);
  if (index < size()) return index;
  throw InvalidArgument("MetricCollection has no member `" + std::string(name) + "`; it has: " + listed(names()));
}

Metric& MetricCollection::operator[](std::string_view name) const {
  return parts()[index_of(name)];
}

void MetricCollection::throw_other_class(std::string_view name) const {
  throw InvalidArgument("MetricCollection: member `" + std::string(name) + "` is " + (*this)[name].to_string() +
                        ", not of the class that is asked for");
}

bool MetricCollection::is_a_key_repeated(const std::vector<c10::IValue>& values) const {
  const auto is_dict = [](const c10::IValue& value) { return value.isGenericDict(); };
  if (std::none_of(values.begin(), values.end(), is_dict)) return false;  // because members' names differ
  std::set<std::string_view> keys;
  bool repeated = false;
  const auto note = [&](std::string_view key) { repeated |= !keys.insert(key).second; };
  auto value = values.begin();
  for (const Children::Child& child : parts()) {
    if (!is_dict(*value)) {
      note(child.name);
    } else {
      for (const auto& entry : value->toGenericDict()) note(entry.key().toStringRef());
    }
    ++value;
  }
  return repeated;
}

c10::IValue MetricCollection::value() {
  std::vector<c10::IValue> values;
  values.reserve(size());
  for (const Children::Child& child : parts()) values.push_back(value_of_child(*child.metric));
  const bool repeated = is_a_key_repeated(values);
  c10::impl::GenericDict all(c10::StringType::get(), c10::AnyType::get());
  all.reserve(size());
  const auto insert = [&](const std::string& name, const c10::IValue& value) {
    all.insert(options_.prefix + name + options_.postfix, value);
  };
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string& name = (parts().begin() + static_cast<std::ptrdiff_t>(i))->name;
    if (!values[i].isGenericDict()) {
      insert(name, values[i]);
      continue;
    }
    for (const auto& entry : values[i].toGenericDict()) {
      const std::string& key = entry.key().toStringRef();
      const auto& [around, bare_name] = shown_[i];
      insert(around.prefix + (repeated ? bare_name + "_" + key : key) + around.postfix, entry.value());
    }
  }
  return all;
}

std::string MetricCollection::describe_options() const {
  std::string text = Composite::describe_options();
  if (!options_.prefix.empty()) text += ", prefix='" + options_.prefix + "'";
  if (!options_.postfix.empty()) text += ", postfix='" + options_.postfix + "'";
  return text;
}

}  // namespace metrics
