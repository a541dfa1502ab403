# Takes the checkout into a project's own build, by FetchContent and by add_subdirectory. Compiling the library once more would take minutes, so the objects
# of the first build are those of the build that is tested: compile_as_built.py asks that they would have been compiled alike. What links is linked, and runs.
file(REMOVE_RECURSE ${WORK_DIR})
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
set(configure ${CMAKE_COMMAND} -S ${PROJECT_DIR} -G ${GENERATOR} -C ${SETTINGS} -D METRICS_CHECKOUT=${CHECKOUT})

set(build ${WORK_DIR}/fetched)
# By the environment, because a list would come apart on the way to the command line.
set(ENV{CMAKE_CXX_COMPILER_LAUNCHER}
    "${PYTHON};${PROJECT_DIR}/compile_as_built.py;--built;${BUILD_DIR};--taken;${build}/_deps/metrics-build;--launcher=${LAUNCHER};--"
)
run(${configure} -B ${build} -D TAKEN_BY=FetchContent -D FETCHCONTENT_SOURCE_DIR_METRICS=${CHECKOUT})
run(${CMAKE_COMMAND} --build ${build} --target all metrics_testing)
run(${CMAKE_CTEST_COMMAND} --test-dir ${build} --output-on-failure --no-tests=error)

unset(ENV{CMAKE_CXX_COMPILER_LAUNCHER})
run(${configure} -B ${WORK_DIR}/added -D TAKEN_BY=add_subdirectory)
