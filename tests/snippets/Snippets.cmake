# Compiles and runs the C++ snippets of README.md and docs/: what the pages show is what works.
file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/docs/*.md)
set(extract ${PROJECT_SOURCE_DIR}/scripts/extract_snippets.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pages} ${extract})
set(snippet_dir ${CMAKE_CURRENT_BINARY_DIR}/pages)
execute_process(
  COMMAND ${METRICS_PYTHON} ${extract} --out ${snippet_dir} ${pages}
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  OUTPUT_VARIABLE snippet_sources
  COMMAND_ERROR_IS_FATAL ANY
)
string(REPLACE "\n" ";" snippet_sources "${snippet_sources}")
set(snippet_programs ${snippet_sources})
list(FILTER snippet_programs INCLUDE REGEX "/program_[^/]*\\.cpp$")
list(FILTER snippet_sources INCLUDE REGEX "/page_[^/]*\\.cpp$")

# As a reader would compile it: nothing is included but what the page shows.
function(metrics_snippet_program program)
  add_executable(${program} ${ARGN})
  metrics_compile(${program} none)
  target_compile_options(${program} PRIVATE -O0)
  # A snippet that shows what a call gives need not use it.
  target_compile_options(${program} PRIVATE -Wno-unused-variable -Wno-unused-but-set-variable -Wno-shadow)
  target_link_libraries(${program} PRIVATE metrics metrics_training metrics_trainer nlohmann_json::nlohmann_json)
  add_test(NAME ${program} COMMAND ${program} WORKING_DIRECTORY ${snippet_dir})
  set_tests_properties(${program} PROPERTIES TIMEOUT 300)
endfunction()

if(snippet_sources)
  metrics_snippet_program(snippets ${snippet_sources})
  # What each of these sources begins with, read once.
  if(METRICS_PCH)
    target_precompile_headers(snippets PRIVATE <metrics/metrics.h> <iostream>)
  endif()
  file(STRINGS ${snippet_dir}/page_main_.cpp runs_doctest REGEX "doctest")
  if(runs_doctest)
    target_link_libraries(snippets PRIVATE metrics_testing)
  endif()
endif()
foreach(source IN LISTS snippet_programs)
  cmake_path(GET source STEM program)
  string(REPLACE "program_" "snippet_" program ${program})
  metrics_snippet_program(${program} ${source})
endforeach()
