#pragma once

#include <metrics/export.h>
#include <metrics/io/object.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace metrics::io {

// Files are checked before anything is made of them: what is no such file, is cut short or damaged, would run code, or
// claims more than it holds is a FormatError that names the file and the byte, and takes no more memory than in
// proportion to its size. They are written whole or not at all: under another name, flushed to the disk, then renamed.
// What cannot be written is an Error with the system's reason.

/// Writes bytes so.
METRICS_API void write_file(const std::filesystem::path& file, std::string_view bytes);

/// What becomes of values in a file whose class is none of those that tensors and containers need.
enum class UnknownClass : uint8_t {
  Refuse,  ///< an error that names the class
  Keep,    ///< an `Object::Opaque`; nothing of the class is run
};

/// Reads a file of `torch.save` (PyTorch 1.6 on, its default protocol 2). Tensors come to the CPU; those that shared
/// memory in Python share it here.
METRICS_API Object read_torch(const std::filesystem::path& file, UnknownClass unknown = UnknownClass::Refuse);
/// The same of bytes in memory, which errors call `name`.
METRICS_API Object parse_torch(std::string_view bytes, const std::string& name,
                               UnknownClass unknown = UnknownClass::Refuse);

/// Writes what `torch.load` reads with its defaults (`weights_only=True`). Each tensor is written by itself,
/// contiguous. Throws InvalidArgument for texts that are not UTF-8, tensors that are not dense, and values that cannot
/// be written.
METRICS_API void write_torch(const std::filesystem::path& file, const Object& object);
METRICS_API std::string torch_bytes(const Object& object);

/// What a safetensors file holds: tensors and texts by name.
struct Safetensors {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

METRICS_API Safetensors read_safetensors(const std::filesystem::path& file);
/// The same without reading: the tensors' elements are the file's pages in memory, which all processes of a machine
/// that map the file have together, and which come when they are first looked at. Data of which each process would keep
/// a copy are kept once.
///
/// Pages live as long as a tensor that has them. A write to such a tensor is this process' alone: the page is copied,
/// the file stays as it is. The file itself is not to be written to or cut while it is mapped; one that takes its
/// place, as `write_safetensors` puts it there, is another file. Elements that begin at no multiple of their size are
/// copied.
METRICS_API Safetensors map_safetensors(const std::filesystem::path& file);
/// So the array of a .npy file, of any shape and order. Throws FormatError also for one of texts.
METRICS_API at::Tensor map_npy(const std::filesystem::path& file);
METRICS_API Safetensors parse_safetensors(std::string_view bytes, const std::string& name);
/// Throws InvalidArgument for tensors of a dtype that the format has no name for, and for names and texts that are not
/// UTF-8.
METRICS_API void write_safetensors(const std::filesystem::path& file, const Safetensors& content);
METRICS_API std::string safetensors_bytes(const Safetensors& content);

}  // namespace metrics::io
