# The bytes of a file as a C++ array. As a script: cmake -DINPUT=file -DOUTPUT=file.cpp -DNAME=name -P embed.cmake
# Included: imagent_embed(target file name) adds such a source, made at build time, to a target; it defines
# extern const char imagent::name[] and extern const size_t imagent::name_size.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" text "${hex}")  # one literal: compilers read it faster than a list of numbers
  file(WRITE ${OUTPUT} "// Made by cmake/embed.cmake.\n#include <cstddef>\n\nnamespace imagent {\nextern const char ${NAME}[];\nextern const size_t ${NAME}_size;\n"
                       "const char ${NAME}[] = \"${text}\";\nconst size_t ${NAME}_size = ${size};\n}  // namespace imagent\n")
  return()
endif()

function(imagent_embed target file name)
  set(output ${CMAKE_BINARY_DIR}/embedded/${name}.cpp)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
  add_custom_command(OUTPUT ${output} DEPENDS ${file} ${script} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DNAME=${name} -P ${script})
  target_sources(${target} PRIVATE ${output})
endfunction()
