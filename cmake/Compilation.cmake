# How everything of this project is compiled.

# The kind of build is the outermost project's to choose.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()
# What is installed can be moved, and finds the LibTorch that it was built with.
file(RELATIVE_PATH lib_from_bin "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH "$ORIGIN/${lib_from_bin}" "${TORCH_INSTALL_PREFIX}/lib")

find_program(METRICS_CCACHE ccache)
mark_as_advanced(METRICS_CCACHE)
if(PROJECT_IS_TOP_LEVEL AND METRICS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for before it takes part in precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_BASEDIR=${CMAKE_CURRENT_SOURCE_DIR}"
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${METRICS_CCACHE}
  )
endif()
find_program(METRICS_MOLD mold)
mark_as_advanced(METRICS_MOLD)

# The OpenMP runtime of a program is the one that LibTorch brings, never a second. Clang's own is another; src/kernels/parallel.h does without.
file(GLOB METRICS_LIBGOMP "${TORCH_INSTALL_PREFIX}/lib/libgomp*.so*")
if(NOT METRICS_LIBGOMP AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(METRICS_LIBGOMP -fopenmp)
endif()

# The precompiled headers, one for code that is optimised and one for code that is not. They take part only where flags are the same, so
# metrics_compile is all that gives flags.
function(metrics_precompile)
  if(NOT METRICS_PCH)
    return()
  endif()
  foreach(kind precompiled precompiled_unoptimised)
    add_library(metrics_${kind} OBJECT cmake/precompiled.cpp)
    metrics_compile(metrics_${kind})
    target_link_libraries(metrics_${kind} PRIVATE torch)
    target_compile_features(metrics_${kind} PRIVATE cxx_std_20)
    target_precompile_headers(metrics_${kind} PRIVATE cmake/precompiled.h)
  endforeach()
  target_compile_options(metrics_precompiled_unoptimised PRIVATE -O0)
  set_target_properties(metrics_precompiled_unoptimised PROPERTIES EXCLUDE_FROM_ALL ON)
endfunction()

# Makes `target` one of ours: warnings, hidden symbols, sanitizers, parallel regions, a precompiled header, which another argument names, or says that
# there is `none`.
function(metrics_compile target)
  set(precompiled metrics_precompiled ${ARGN})
  list(GET precompiled -1 precompiled)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # One way of making code position independent, so that all targets share one precompiled header.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC -Wall -Wextra -Wpedantic -Wshadow $<$<BOOL:${METRICS_WERROR}>:-Werror>)
  # A product and a sum are rounded one by one, so that the versions of a kernel for machines with and without FMA give the same bits.
  target_compile_options(${target} PRIVATE -ffp-contract=off)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # Clang's OpenMP needs a runtime of its own, which would be a second one beside LibTorch's, so it is not asked for. Kernels join
    # comparisons bit by bit, because a branch would keep a loop from being vectorised.
    target_compile_options(${target} PRIVATE -Wno-bitwise-instead-of-logical)
  else()
    # at::parallel_for runs in parallel only in code compiled with OpenMP.
    target_compile_options(${target} PRIVATE -fopenmp)
  endif()
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${METRICS_LIBGOMP}>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's flow analysis reports falsely on inlined std::string (its bugs 105329 and 105651) and in instrumented code.
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds $<$<BOOL:${METRICS_SANITIZE}>:-Wno-maybe-uninitialized>)
  endif()
  if(METRICS_MOLD)
    target_link_options(${target} PRIVATE -fuse-ld=mold)
  endif()
  if(METRICS_SANITIZE)
    list(JOIN METRICS_SANITIZE "," sanitizers)
    target_compile_definitions(${target} PRIVATE METRICS_SANITIZED)
    target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${sanitizers})
  endif()
  if(METRICS_PCH)
    if(NOT target MATCHES "^metrics_precompiled" AND NOT precompiled STREQUAL "none")
      target_precompile_headers(${target} REUSE_FROM ${precompiled})
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -fpch-preprocess)
    endif()
  endif()
endfunction()

# What only drives the library gains nothing from the last optimisations.
function(metrics_compile_quickly target)
  metrics_compile(${target})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${METRICS_UNITY} UNITY_BUILD_BATCH_SIZE 0)
endfunction()

# Tests and examples spend their time in the library, and most of what compiling them takes in optimising what they say once; sanitizers make
# many times more of it.
function(metrics_compile_unoptimised target)
  metrics_compile(${target} metrics_precompiled_unoptimised)
  target_compile_options(${target} PRIVATE -O0)
endfunction()

# What stands on the library spends its time there: sanitizers need it no better optimised than the tests.
function(metrics_compile_around target)
  if(METRICS_SANITIZE)
    metrics_compile_unoptimised(${target})
  else()
    metrics_compile(${target})
  endif()
endfunction()

# Compiles each folder below `top` as one source (a domain is a folder), so that LibTorch's headers are read once per folder.
function(metrics_unity_by_folder target top)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${METRICS_UNITY} UNITY_BUILD_MODE GROUP)
  foreach(source IN LISTS ARGN)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/${top}" OUTPUT_VARIABLE relative)
    cmake_path(GET relative PARENT_PATH folder)
    string(REPLACE "/" "_" group "unity_${folder}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
  endforeach()
endfunction()

metrics_precompile()
