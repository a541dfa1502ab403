# Makes the API reference of the headers in INPUT (a folder or a file) as OUTPUT/html/index.html, and fails where Doxygen warns.
#   cmake -D DOXYGEN=doxygen -D SOURCE_DIR=. -D INPUT=include/metrics -D OUTPUT=build/api_reference -P cmake/api_reference.cmake
cmake_minimum_required(VERSION 3.25)
file(READ ${SOURCE_DIR}/docs/Doxyfile settings)
file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT})
file(WRITE ${OUTPUT}/Doxyfile "${settings}\nINPUT = \"${INPUT}\"\nOUTPUT_DIRECTORY = \"${OUTPUT}\"\n")
execute_process(COMMAND ${DOXYGEN} ${OUTPUT}/Doxyfile WORKING_DIRECTORY ${SOURCE_DIR} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "Doxygen warns of the comments of ${INPUT}, or failed: ${status}")
endif()
if(NOT EXISTS ${OUTPUT}/html/index.html)
  message(FATAL_ERROR "Doxygen made no ${OUTPUT}/html/index.html")
endif()
