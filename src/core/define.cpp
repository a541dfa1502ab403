#include "kernels/plain_tensor.h"
#include <metrics/core/define.h>

#include <ATen/EmptyTensor.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>

#include <cctype>
#include <sstream>
#include <typeinfo>
#include <utility>

namespace metrics::detail {

void resolve(Tensor& input) {
  input = input.resolve_neg();
}

void resolve(Values& input) {
  if (input.tensor().is_neg()) input = input.tensor().resolve_neg();
}

std::optional<int64_t> row_count(const Tensor& input) {
  return input.dim() > 0 ? std::optional(input.size(0)) : std::nullopt;
}

Tensor select_rows(const Tensor& input, const Tensor& kept) {
  return input.dim() == 0 ? input : input.index_select(0, kept.to(input.device()));
}

std::vector<std::size_t> kept_indices(const Tensor& kept) {
  const Tensor indices = kept.to(at::kCPU).contiguous();
  const int64_t* data = indices.const_data_ptr<int64_t>();
  return {data, data + indices.numel()};
}

Tensor valid_indices(const Rows& rows) {
  return at::nonzero(*rows.valid).view({-1});
}

void rethrow_named(std::string_view metric) {
  const auto is_named = [&](std::string_view message) {
    if (!message.starts_with(metric)) return false;
    const char next = message.size() > metric.size() ? message[metric.size()] : ' ';
    return std::isalnum(static_cast<unsigned char>(next)) == 0;  // else it is a longer name
  };
  const auto with_name = [&](const std::exception& error) { return std::string(metric) + ": " + error.what(); };
  try {
    throw;
  } catch (const InvalidArgument& error) {
    if (typeid(error) != typeid(InvalidArgument) || is_named(error.what())) throw;
    throw InvalidArgument(with_name(error));
  } catch (const Error& error) {
    if (typeid(error) != typeid(Error) || is_named(error.what())) throw;
    throw Error(with_name(error));
  }
}

void throw_row_mismatch(std::string_view what, std::string_view input, int64_t rows, int64_t expected) {
  std::ostringstream message;
  message << what << ": input `" << input << "` has " << rows << " rows, the inputs before it " << expected
          << "; with Rows all inputs must agree";
  throw InvalidArgument(message.str());
}

namespace {

bool carries_gradients(const Tensor& value) {
  return at::GradMode::is_enabled() && value.requires_grad();
}

/// float64 numbers as float32 ones, in memory of their own.
Tensor rounded(const Tensor& value) {
  Tensor result(at::detail::empty_cpu(value.sizes(), at::kFloat));
  const double* from = value.const_data_ptr<double>();
  float* to = result.mutable_data_ptr<float>();
  for (int64_t i = 0; i < value.numel(); ++i) to[i] = static_cast<float>(from[i]);
  return result;
}

/// Whether nobody else sees the tensor, nor the memory that it fills: then it may be the result itself.
bool is_own(const Tensor& value) {
  return value.use_count() == 1 && kernels::is_plain(value) && !value.requires_grad() && !value.is_inference() &&
         value.storage().use_count() == 1 && value.storage().nbytes() == value.nbytes();
}

}  // namespace

Tensor finished_tensor(const Tensor& value, const ResultForm& form) {
  const bool reshapes = form.one_element_is_scalar && value.numel() == 1 && value.dim() > 0;
  const bool is_as_asked = !value.is_floating_point() || value.scalar_type() == form.dtype;
  if (is_as_asked && !reshapes && is_own(value)) return value;
  const Tensor shaped = reshapes ? value.reshape({}) : value;
  if (!shaped.is_floating_point() || shaped.scalar_type() == form.dtype) return separate(shaped);
  const bool rounds = shaped.scalar_type() == at::kDouble && form.dtype == at::kFloat;
  if (rounds && kernels::is_plain(shaped) && !carries_gradients(shaped)) return rounded(shaped);
  return shaped.to(form.dtype);
}

Tensor separate(const Tensor& value) {
  return carries_gradients(value) ? value.clone() : kernels::own_copy(value);
}

c10::IValue tuple_of(std::vector<c10::IValue> elements) {
  return c10::ivalue::Tuple::create(std::move(elements));
}

void take_sample_weight(std::string_view what, Kwargs& kwargs, Rows& rows) {
  const auto given = kwargs.find("sample_weight");
  if (given == kwargs.end()) return;
  if (rows.weights) {
    throw InvalidArgument(std::string(what) + ": the weights of rows are given twice, as `sample_weight` and in Rows");
  }
  if (!given->second.isNone()) {
    const auto weights = Codec<Tensor>::read(given->second);
    if (!weights) {
      throw_input_type(what, "sample_weight", Codec<std::optional<Tensor>>::type(), given->second, "");
    }
    rows.weights = *weights;
  }
  kwargs.erase(given);
}

std::string Place::text() const {
  const std::string own = index >= 0 ? "[" + std::to_string(index) + "]" : std::string(name);
  if (in == nullptr) return own;
  return in->text() + (index >= 0 ? "" : ".") + own;
}

void throw_input_type(std::string_view what, std::string_view input, const std::string& expected,
                      const c10::IValue& given, const std::string& misfit) {
  throw InvalidArgument(std::string(what) + ": input `" + std::string(input) + "` expects " + expected +
                        (misfit.empty() ? ", got " + describe(given) : "; " + misfit));
}

std::vector<const c10::IValue*> bind_inputs(std::string_view what, const std::string_view* names, const bool* optional,
                                            std::size_t count, const Args& args, const Kwargs& kwargs) {
  auto listed = [&] {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) (all += all.empty() ? "" : ", ").append(names[i]);
    return all;
  };
  const std::string prefix(what);
  if (args.size() > count) {
    throw InvalidArgument(prefix + " takes " + std::to_string(count) + " inputs (" + listed() + "), got " +
                          std::to_string(args.size()));
  }
  std::vector<const c10::IValue*> bound(count, nullptr);
  for (std::size_t i = 0; i < args.size(); ++i) bound[i] = &args[i];
  for (const auto& [name, value] : kwargs) {
    const auto index = static_cast<std::size_t>(std::find(names, names + count, name) - names);
    if (index == count) throw InvalidArgument(prefix + ": unknown input `" + name + "`; allowed: " + listed());
    if (bound[index] != nullptr) throw InvalidArgument(prefix + ": input `" + name + "` is given twice");
    bound[index] = &value;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (bound[i] == nullptr && !optional[i]) {
      throw InvalidArgument(prefix + ": input `" + std::string(names[i]) + "` is missing");
    }
    if (bound[i] != nullptr && optional[i] && bound[i]->isNone()) bound[i] = nullptr;
  }
  return bound;
}

}  // namespace metrics::detail
