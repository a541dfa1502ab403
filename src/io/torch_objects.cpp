#include "atomic_file.h"
#include "elements.h"
#include "mapped_file.h"
#include "objects_of_tree.h"
#include "pickle_writer.h"
#include "torch_file.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <exception>

namespace metrics::io {
namespace {

using Sink = std::function<void(std::string_view)>;

Unknown policy(UnknownClass unknown) {
  return unknown == UnknownClass::Keep ? Unknown::Keep : Unknown::Refuse;
}

/// Writes the archive. Throws what the sink has thrown: the writer is told that all went well, because its destructor
/// ends the program where it finds that bytes could not be written.
void write_archive(const Pickled& content, const Sink& sink) {
  std::exception_ptr failure;
  const auto write = [&](const void* bytes, size_t size) -> size_t {
    if (failure) return size;
    try {
      sink({static_cast<const char*>(bytes), size});
    } catch (...) {
      failure = std::current_exception();
    }
    return size;
  };
  caffe2::serialize::PyTorchStreamWriter writer(write);
  const auto record = [&](const std::string& name, std::string_view bytes) {
    if (!failure) writer.writeRecord(name, bytes.data(), bytes.size());
  };
  record("data.pkl", content.bytes);
  record(".format_version", "1");
  record(".storage_alignment", "64");
  record("byteorder", "little");
  for (std::size_t i = 0; i < content.elements.size(); ++i) {
    record("data/" + std::to_string(i), bytes_of(content.elements[i]));
  }
  writer.writeEndOfFile();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

Object parse_torch(std::string_view bytes, const std::string& name, UnknownClass unknown) {
  return object_of(TorchFile({bytes, name}, policy(unknown)));
}

Object read_torch(const std::filesystem::path& file, UnknownClass unknown) {
  const MappedFile mapped(file);
  return parse_torch(mapped.source().bytes, mapped.source().name, unknown);
}

void write_torch(const std::filesystem::path& file, const Object& object) {
  const Pickled content = pickled(object);
  AtomicFile whole(file);
  write_archive(content, [&](std::string_view bytes) { whole.write(bytes); });
  whole.commit();
}

std::string torch_bytes(const Object& object) {
  std::string all;
  write_archive(pickled(object), [&](std::string_view bytes) { all += bytes; });
  return all;
}

}  // namespace metrics::io
