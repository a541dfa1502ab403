#include <metrics/core/errors.h>
#include <metrics/core/readable.h>

#include <c10/core/DispatchKeySet.h>

#include <sstream>

namespace metrics::detail {

namespace {

using c10::DispatchKey;

/// Of tensors that stand for others, whose elements are found in another place or nowhere.
constexpr c10::DispatchKeySet wrapped({DispatchKey::ZeroTensor, DispatchKey::Python, DispatchKey::Functionalize,
                                       DispatchKey::FuncTorchBatched, DispatchKey::FuncTorchGradWrapper});

/// Whether the storage reaches to the last element.
bool has_memory(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return true;
  if (!tensor.has_storage()) return false;
  int64_t end = tensor.storage_offset() + tensor.numel();
  if (!tensor.is_contiguous()) {
    end = tensor.storage_offset() + 1;
    for (int64_t d = 0; d < tensor.dim(); ++d) end += (tensor.size(d) - 1) * tensor.stride(d);
  }
  const auto bytes = static_cast<std::size_t>(end) * tensor.element_size();
  return tensor.unsafeGetTensorImpl()->unsafe_storage().nbytes() >= bytes;
}

bool is_handled(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBool:
    case at::kByte:
    case at::kChar:
    case at::kShort:
    case at::kInt:
    case at::kLong:
    case at::kHalf:
    case at::kBFloat16:
    case at::kFloat:
    case at::kDouble:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool has_elements(const at::Tensor& tensor) {
  if (!tensor.defined()) return false;
  const c10::DispatchKeySet keys = tensor.key_set();
  return keys.has(DispatchKey::Dense) && !keys.has_any(wrapped) && tensor.layout() == at::kStrided &&
         !tensor.is_meta() && has_memory(tensor);
}

bool is_readable(const at::Tensor& tensor) {
  return has_elements(tensor) && is_handled(tensor.scalar_type());
}

std::string unreadable_kind(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  const c10::DispatchKeySet keys = tensor.key_set();
  std::ostringstream text;
  if (has_elements(tensor)) {
    text << tensor.scalar_type();
  } else if (keys.has(DispatchKey::Quantized)) {
    text << "a quantised " << tensor.scalar_type() << " tensor";
  } else if (keys.has(DispatchKey::NestedTensor)) {
    text << "a nested " << tensor.scalar_type() << " tensor";
  } else if (tensor.layout() != at::kStrided) {
    text << "a " << tensor.scalar_type() << " tensor of layout " << tensor.layout();
  } else if (tensor.is_meta()) {
    text << "a " << tensor.scalar_type() << " tensor on the device meta, without elements";
  } else if (keys.has(DispatchKey::ZeroTensor)) {
    text << "a " << tensor.scalar_type() << " zero tensor without memory";
  } else if (keys.has_any(wrapped)) {
    text << "a " << tensor.scalar_type() << " tensor that stands for another, as fake ones and those of functorch do";
  } else {
    text << "a " << tensor.scalar_type() << " tensor without memory for its elements";
  }
  return text.str();
}

void throw_unreadable(std::string_view what, std::string_view input, const at::Tensor& tensor) {
  throw InvalidArgument(std::string(what) + ": input `" + std::string(input) + "` is " + unreadable_kind(tensor) +
                        (tensor.defined() ? "; expected a dense tensor of bool, an integer type up to int64, or a "
                                            "floating type from float16 to float64"
                                          : ""));
}

}  // namespace metrics::detail
