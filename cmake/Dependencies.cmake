# What the library is built from. Each thing that is missing is one line that says how to get it.

# A project that this one is a part of links what is found here, too.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

# The LibTorch versions that are supported, and nowhere else.
set(METRICS_TORCH_OLDEST 2.11)
set(METRICS_TORCH_NEWEST 2.15)

# A .venv in the source tree serves where no other LibTorch is named.
file(GLOB venv_torch "${CMAKE_CURRENT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake/Torch")

include(CudaWheels)

# LibTorch's package file warns about libraries that only its static builds have.
set(message_log_level "${CMAKE_MESSAGE_LOG_LEVEL}")
set(CMAKE_MESSAGE_LOG_LEVEL ERROR)
find_package(Torch QUIET HINTS ${venv_torch})
set(CMAKE_MESSAGE_LOG_LEVEL "${message_log_level}")
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch not found: run scripts/setup.sh, or give Torch_DIR or CMAKE_PREFIX_PATH of an existing one.")
endif()
if(TARGET caffe2::mkl AND NOT MKL_FOUND)
  # Without MKL these are folders of the root directory, which would end in every program's search path.
  set_property(TARGET caffe2::mkl PROPERTY INTERFACE_LINK_DIRECTORIES "")
endif()
# A local version or a pre-release (2.14.0a0+git…) counts as its release.
string(REGEX MATCH "^[0-9]+\\.[0-9]+" torch_minor_version "${Torch_VERSION}")
if(torch_minor_version VERSION_LESS METRICS_TORCH_OLDEST OR torch_minor_version VERSION_GREATER METRICS_TORCH_NEWEST)
  message(FATAL_ERROR "LibTorch ${Torch_VERSION} in ${Torch_DIR} is not supported: metrics needs ${METRICS_TORCH_OLDEST} to ${METRICS_TORCH_NEWEST}.")
endif()
message(STATUS "LibTorch ${Torch_VERSION}: ${TORCH_INSTALL_PREFIX}")

# A target that an outer project has made already is taken as it is.
macro(metrics_find package target debian_package)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
    if(NOT ${package}_FOUND)
      message(FATAL_ERROR "${package} not found: run scripts/setup.sh, or apt-get install ${debian_package}.")
    endif()
  endif()
endmacro()

metrics_find(Eigen3 Eigen3::Eigen libeigen3-dev)
metrics_find(nlohmann_json nlohmann_json::nlohmann_json nlohmann-json3-dev)
metrics_find(ZLIB ZLIB::ZLIB zlib1g-dev)
find_path(METRICS_PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp DOC "protozero's headers, which write TensorBoard's messages")
if(NOT METRICS_PROTOZERO_INCLUDE_DIR)
  message(FATAL_ERROR "protozero's headers not found: run scripts/setup.sh, apt-get install libprotozero-dev, or give METRICS_PROTOZERO_INCLUDE_DIR.")
endif()
if(METRICS_BUILD_CLI OR METRICS_BUILD_EXAMPLES)
  metrics_find(CLI11 CLI11::CLI11 libcli11-dev)
endif()
if(METRICS_BUILD_TESTS)
  metrics_find(doctest doctest::doctest doctest-dev)
elseif(NOT PROJECT_IS_TOP_LEVEL AND NOT TARGET doctest::doctest)
  find_package(doctest QUIET)
endif()
# Without it there is no API reference.
find_program(METRICS_DOXYGEN doxygen)
mark_as_advanced(METRICS_DOXYGEN)
if(METRICS_BUILD_BENCH)
  metrics_find(benchmark benchmark::benchmark_main libbenchmark-dev)
endif()

# Process groups: no LibTorch brings Gloo's headers. The Gloo that runs is the one inside libtorch_cpu, so nothing of it is linked.
add_library(metrics_process_groups INTERFACE)
find_path(METRICS_GLOO_INCLUDE_DIR gloo/rendezvous/store.h DOC "Gloo's headers")
if(NOT METRICS_GLOO_INCLUDE_DIR)
  message(FATAL_ERROR "Gloo's headers not found: run scripts/setup.sh, apt-get install libgloo-dev, or give METRICS_GLOO_INCLUDE_DIR.")
endif()
target_include_directories(metrics_process_groups SYSTEM INTERFACE ${METRICS_GLOO_INCLUDE_DIR})
target_compile_definitions(metrics_process_groups INTERFACE USE_C10D_GLOO)

find_library(METRICS_TORCH_CUDA_LIBRARY torch_cuda PATHS "${TORCH_INSTALL_PREFIX}/lib" NO_DEFAULT_PATH)
mark_as_advanced(METRICS_TORCH_CUDA_LIBRARY)
if(METRICS_TORCH_CUDA_LIBRARY)
  find_path(METRICS_NCCL_INCLUDE_DIR nccl.h HINTS "${TORCH_INSTALL_PREFIX}/../nvidia/nccl/include" DOC "NCCL's headers")
  if(NOT METRICS_NCCL_INCLUDE_DIR)
    message(FATAL_ERROR "NCCL's headers not found beside the CUDA LibTorch ${TORCH_INSTALL_PREFIX}: pip install nvidia-nccl-cu13, or give METRICS_NCCL_INCLUDE_DIR.")
  endif()
  target_include_directories(metrics_process_groups SYSTEM INTERFACE ${METRICS_NCCL_INCLUDE_DIR})
  target_compile_definitions(metrics_process_groups INTERFACE USE_C10D_NCCL)
  message(STATUS "CUDA LibTorch: NCCL groups are compiled in")
elseif(METRICS_REQUIRE_CUDA)
  message(FATAL_ERROR "LibTorch ${Torch_VERSION} in ${TORCH_INSTALL_PREFIX} is a build without CUDA: scripts/check_cuda_build.sh makes environments with one.")
endif()
