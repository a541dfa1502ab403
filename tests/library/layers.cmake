# What HACKING.md says of layers: the library knows nothing of training over ranks, nor that of the trainer; and training uses of process groups what is
# public, because it is a library of its own.
cmake_minimum_required(VERSION 3.25)
# Fails for each file below the folders of `layer` with an include that matches `forbidden`.
function(check layer forbidden)
  file(GLOB_RECURSE files ${SOURCE_DIR}/src/${layer}/*.h ${SOURCE_DIR}/src/${layer}/*.cpp ${SOURCE_DIR}/include/metrics/${layer}/*.h)
  if(ARGN)
    list(FILTER files EXCLUDE REGEX "/(${ARGN})/")
  endif()
  if(NOT files)
    message(SEND_ERROR "no sources were found of '${layer}'")
  endif()
  foreach(file IN LISTS files)
    file(STRINGS ${file} includes REGEX "^#include [<\"](${forbidden})")
    if(includes)
      message(SEND_ERROR "${file}: ${includes}")
    endif()
  endforeach()
endfunction()

check("" "metrics/training/|metrics/trainer/|training/|trainer/" "training|trainer")
check(training "metrics/trainer/|trainer/|distributed/|\\.\\./")
check(trainer "distributed/|training/|eval/|\\.\\./")
# What draws on a terminal is for programs of any kind.
check(terminal "ATen/|torch/|c10/|eval/|trainer/")
