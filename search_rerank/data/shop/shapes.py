"""The drawings of the demo shop as SVG, with {c} and its shades where the colour belongs.

`{c}` is the product's colour, `{d}` darker, `{l}` lighter, `{k}` a dark part, `{w}` a light one.
"""

from __future__ import annotations

_SOLE = "<path d='M30 138h140q4 14-8 14H40q-12 0-10-14z' fill='{w}'/>"
SHAPES = {
    "shoe": (
        "<path d='M32 138q-5-30 2-58 14 12 30 2l10-6 40 34 36 10q20 6 20 18z' fill='{c}'/>"
        "<path d='M32 138q-5-30 2-58 8 7 18 6 2 30 20 52z' fill='{d}'/>"
        "<path d='M84 90l-10 12M96 99l-10 12M108 108l-10 12' stroke='{w}' stroke-width='5' "
        "stroke-linecap='round'/><path d='M146 119q-8 8-6 19h30q0-12-24-19z' fill='{l}'/>" + _SOLE
    ),
    "boot": (
        "<path d='M50 48h52l4 46 44 14q20 6 20 30H46z' fill='{c}'/>"
        "<path d='M48 48h56l1 14H49z' fill='{d}'/><path d='M150 109q-14 8-12 29h32q0-22-20-29z' "
        "fill='{l}'/><path d='M84 74h18M86 88h18M92 101l18-2' stroke='{w}' stroke-width='5' "
        "stroke-linecap='round'/><path d='M42 138h130q2 16-8 16h-62l-4-5-8 5H50q-10 0-8-16z' "
        "fill='{k}'/>"
    ),
    "sandal": (
        "<path d='M28 128q70-8 144 4 4 16-10 16H40q-14 0-12-20z' fill='{d}'/>"
        "<path d='M96 126q6-42 40-40 20 8 28 42l-18-2q-4-16-16-20-10 4-14 20z' fill='{c}'/>"
        "<path d='M34 126q-4-34 8-44 22 4 54 42l-18 2Q60 104 48 100q-2 12 0 26z' fill='{c}'/>"
        "<circle cx='46' cy='92' r='5' fill='{w}'/>"
    ),
    "tshirt": (
        "<path d='M70 46l-38 20 14 34 18-8v66h72V92l18 8 14-34-38-20q-30 24-60 0z' fill='{c}'/>"
        "<path d='M70 46q30 24 60 0l-8-3q-22 14-44 0z' fill='{d}'/>"
        "<path d='M64 92v66h10V86zM136 92v66h-10V86z' fill='{d}' opacity='.35'/>"
    ),
    "hoodie": (
        "<path d='M66 58l-36 26-4 66h22l8-34v46h88v-46l8 34h22l-4-66-36-26z' fill='{c}'/>"
        "<path d='M64 62q0-32 36-32t36 32q-14 26-36 26T64 62z' fill='{d}'/>"
        "<path d='M76 60q2-18 24-18t24 18q-10 16-24 16T76 60z' fill='{k}'/>"
        "<path d='M76 124h48l10 26H66z' fill='{d}'/>"
        "<path d='M90 82v22M110 82v18' stroke='{w}' stroke-width='4' stroke-linecap='round'/>"
    ),
    "jacket": (
        "<path d='M74 40L38 58l-14 92h22l10-46v58h88v-58l10 46h22l-14-92-36-18z' fill='{c}'/>"
        "<path d='M74 40l26 20 26-20 6 22-32 18-32-18z' fill='{d}'/>"
        "<path d='M100 80v82' stroke='{w}' stroke-width='4'/>"
        "<path d='M66 120h22M112 120h22' stroke='{d}' stroke-width='6' stroke-linecap='round'/>"
    ),
    "dress": (
        "<path d='M76 34h8q2 22 16 22t16-22h8l2 36-8 20 36 70q-54 16-108 0l36-70-8-20z' "
        "fill='{c}'/><path d='M82 90h36l2 8H80z' fill='{d}'/>"
        "<path d='M88 100l-16 62M100 100v66M112 100l16 62' stroke='{d}' stroke-width='3'/>"
    ),
    "trousers": (
        "<path d='M62 36h76l10 130h-34l-14-84-14 84H52z' fill='{c}'/>"
        "<path d='M62 36h76l1 12H61z' fill='{d}'/><path d='M100 48v34M66 52q2 18 16 20M134 "
        "52q-2 18-16 20' stroke='{l}' stroke-width='3' fill='none'/>"
    ),
    "hat": (
        "<path d='M42 120q0-70 58-70t58 70z' fill='{c}'/><rect x='34' y='112' width='132' "
        "height='34' rx='12' fill='{d}'/><circle cx='100' cy='44' r='16' fill='{l}'/>"
        "<path d='M72 66v44M100 60v50M128 66v44' stroke='{d}' stroke-width='4' opacity='.6'/>"
    ),
    "backpack": (
        "<path d='M78 52q0-24 22-24t22 24' fill='none' stroke='{d}' stroke-width='8'/>"
        "<path d='M50 92q0-46 50-46t50 46v60q0 14-14 14H64q-14 0-14-14z' fill='{c}'/>"
        "<rect x='64' y='108' width='72' height='46' rx='10' fill='{d}'/>"
        "<path d='M64 122h72M70 78h60' stroke='{w}' stroke-width='4' stroke-linecap='round'/>"
    ),
    "bag": (
        "<path d='M70 84q0-48 30-48t30 48' fill='none' stroke='{d}' stroke-width='8'/>"
        "<path d='M44 78h112l10 84H34z' fill='{c}'/><path d='M36 146h128l2 16H34z' fill='{d}'/>"
        "<circle cx='70' cy='88' r='5' fill='{w}'/><circle cx='130' cy='88' r='5' fill='{w}'/>"
    ),
    "suitcase": (
        "<path d='M82 58V30h36v28' fill='none' stroke='{k}' stroke-width='7'/>"
        "<rect x='56' y='54' width='88' height='102' rx='14' fill='{c}'/>"
        "<path d='M74 64v82M91 64v82M109 64v82M126 64v82' stroke='{d}' stroke-width='5'/>"
        "<circle cx='72' cy='162' r='8' fill='{k}'/><circle cx='128' cy='162' r='8' fill='{k}'/>"
    ),
    "headphones": (
        "<path d='M46 120v-20a54 54 0 0 1 108 0v20' fill='none' stroke='{c}' stroke-width='13'/>"
        "<rect x='34' y='104' width='34' height='56' rx='15' fill='{d}'/>"
        "<rect x='132' y='104' width='34' height='56' rx='15' fill='{d}'/>"
        "<rect x='58' y='108' width='16' height='48' rx='8' fill='{k}'/>"
        "<rect x='126' y='108' width='16' height='48' rx='8' fill='{k}'/>"
    ),
    "earbuds": (
        "<rect x='48' y='92' width='104' height='68' rx='26' fill='{c}'/>"
        "<path d='M48 118h104' stroke='{d}' stroke-width='4'/><circle cx='100' cy='136' r='4' "
        "fill='{w}'/><path d='M66 44a17 17 0 1 1 14 26v24H66V64z"
        "M134 44a17 17 0 1 0-14 26v24h14V64z' "
        "fill='{d}'/><circle cx='81' cy='54' r='7' fill='{k}'/><circle cx='119' cy='54' r='7' "
        "fill='{k}'/>"
    ),
    "speaker": (
        "<rect x='58' y='34' width='84' height='130' rx='18' fill='{c}'/>"
        "<circle cx='100' cy='116' r='31' fill='{d}'/><circle cx='100' cy='116' r='14' "
        "fill='{k}'/><circle cx='100' cy='62' r='14' fill='{d}'/><circle cx='100' cy='62' r='6' "
        "fill='{k}'/>"
    ),
    "keyboard": (
        "<rect x='20' y='70' width='160' height='66' rx='10' fill='{c}'/><path d='M32 86h136M32 "
        "102h136' stroke='{l}' stroke-width='11' stroke-dasharray='11 5'/>"
        "<path d='M32 119h26M64 119h74M144 119h24' stroke='{l}' stroke-width='11'/>"
    ),
    "mouse": (
        "<path d='M100 52q0-22 18-26' fill='none' stroke='{k}' stroke-width='5'/>"
        "<rect x='62' y='50' width='76' height='112' rx='38' fill='{c}'/>"
        "<path d='M62 100h76M100 50v50' stroke='{d}' stroke-width='4'/>"
        "<rect x='93' y='64' width='14' height='26' rx='7' fill='{k}'/>"
    ),
    "watch": (
        "<path d='M76 22h48l6 44H70zM70 134h60l-6 44H76z' fill='{c}'/>"
        "<rect x='56' y='56' width='88' height='88' rx='24' fill='{d}'/>"
        "<rect x='66' y='66' width='68' height='68' rx='16' fill='#23262b'/>"
        "<path d='M100 80v22l14 10' fill='none' stroke='#fff' stroke-width='6' "
        "stroke-linecap='round'/><rect x='144' y='90' width='7' height='20' rx='3' fill='{k}'/>"
    ),
    "mug": (
        "<path d='M136 80h14q20 0 20 26t-24 28h-12' fill='none' stroke='{d}' stroke-width='11'/>"
        "<path d='M48 62h92v72q0 26-26 26H74q-26 0-26-26z' fill='{c}'/>"
        "<ellipse cx='94' cy='62' rx='46' ry='11' fill='{d}'/>"
        "<ellipse cx='94' cy='64' rx='37' ry='7' fill='#6b4630'/><path d='M80 44q-8-10 0-18M104 "
        "44q-8-10 0-18' fill='none' stroke='{k}' stroke-width='4' opacity='.3'/>"
    ),
    "pan": (
        "<path d='M112 112l58 46' stroke='{k}' stroke-width='15' stroke-linecap='round'/>"
        "<circle cx='84' cy='92' r='56' fill='{c}'/><circle cx='84' cy='92' r='44' fill='{d}'/>"
        "<path d='M56 84q8-22 30-24' fill='none' stroke='{l}' stroke-width='6' "
        "stroke-linecap='round'/>"
    ),
    "kettle": (
        "<path d='M66 72q0-40 34-40t34 40' fill='none' stroke='{k}' stroke-width='9'/>"
        "<path d='M138 104l34-30 6 8-26 46z' fill='{d}'/>"
        "<path d='M46 160q0-88 54-88t54 88z' fill='{c}'/><path d='M46 160h108v6H46z' fill='{k}'/>"
        "<circle cx='100' cy='68' r='8' fill='{k}'/><path d='M66 142q0-36 20-50' fill='none' "
        "stroke='{l}' stroke-width='6' stroke-linecap='round'/>"
    ),
    "lamp": (
        "<path d='M74 34h52l26 66H48z' fill='{c}'/><path d='M48 100h104l-4-10H52z' fill='{d}'/>"
        "<path d='M50 102h100l20 58H30z' fill='#ffe9a8' opacity='.55'/>"
        "<rect x='95' y='100' width='10' height='54' fill='{k}'/>"
        "<rect x='68' y='152' width='64' height='12' rx='6' fill='{k}'/>"
    ),
    "cushion": (
        "<path d='M38 42q62 16 124 0-16 60 0 118-62-16-124 0 16-58 0-118z' fill='{c}'/>"
        "<path d='M66 50l86 96M102 50l54 60M48 66l90 88M46 104l52 48' stroke='{l}' "
        "stroke-width='4' opacity='.7'/><path d='M38 160q62-16 124 0l-6-26q-56-10-112 0z' "
        "fill='{d}' opacity='.5'/>"
    ),
    "vase": (
        "<path d='M100 66q-4-28-28-40M100 66q2-26 24-44M100 60V26' stroke='#6f9a5c' "
        "stroke-width='4' fill='none'/><circle cx='70' cy='26' r='10' fill='{l}'/><circle "
        "cx='126' cy='22' r='10' fill='{l}'/><circle cx='100' cy='24' r='9' fill='{d}'/>"
        "<path d='M82 64h36q-4 22 14 40 20 62-32 62t-32-62q18-18 14-40z' fill='{c}'/>"
        "<path d='M74 112q26 10 52 0M70 128q30 12 60 0' stroke='{d}' stroke-width='4' "
        "fill='none'/>"
    ),
    "jar": (
        "<rect x='46' y='84' width='108' height='74' rx='16' fill='{c}'/>"
        "<rect x='40' y='54' width='120' height='34' rx='9' fill='{d}'/>"
        "<rect x='66' y='106' width='68' height='30' rx='4' fill='#fff' opacity='.85'/>"
        "<path d='M78 116h44M86 126h28' stroke='{d}' stroke-width='3'/>"
    ),
    "dropper": (
        "<rect x='88' y='22' width='24' height='34' rx='11' fill='{k}'/>"
        "<rect x='82' y='54' width='36' height='16' rx='3' fill='{d}'/>"
        "<path d='M84 70h32v10q22 6 22 26v46q0 12-12 12H74q-12 0-12-12v-46q0-20 22-26z' "
        "fill='{c}'/><rect x='74' y='110' width='52' height='36' rx='3' fill='#fff' "
        "opacity='.85'/><path d='M84 122h32M90 133h20' stroke='{d}' stroke-width='3'/>"
    ),
    "pump": (
        "<path d='M100 56V36H74q-8 0-10 8' fill='none' stroke='{k}' stroke-width='9'/>"
        "<rect x='86' y='54' width='28' height='14' fill='{k}'/>"
        "<rect x='64' y='66' width='72' height='100' rx='14' fill='{c}'/>"
        "<rect x='74' y='92' width='52' height='46' rx='4' fill='#fff' opacity='.85'/>"
        "<path d='M84 106h32M84 116h32M90 126h20' stroke='{d}' stroke-width='3'/>"
    ),
    "lipstick": (
        "<path d='M84 82V48q0-12 32-22v56z' fill='{c}'/><path d='M104 82V32l12-6v56z' "
        "fill='{d}'/><rect x='80' y='80' width='40' height='30' fill='#d9b46a'/>"
        "<rect x='72' y='108' width='56' height='58' rx='5' fill='#2c2e34'/>"
    ),
    "perfume": (
        "<rect x='84' y='28' width='32' height='26' rx='4' fill='{k}'/>"
        "<rect x='90' y='54' width='20' height='12' fill='#d9b46a'/>"
        "<path d='M60 66h80l14 18v68q0 12-12 12H58q-12 0-12-12V84z' fill='{c}' opacity='.8'/>"
        "<path d='M56 108q44 14 88 0v42q0 4-4 4H60q-4 0-4-4z' fill='{d}'/>"
        "<path d='M62 84v18' stroke='#fff' stroke-width='6' stroke-linecap='round'/>"
    ),
    "ball": (
        "<circle cx='100' cy='98' r='64' fill='{w}'/><path d='M100 74l24 17-9 28H85l-9-28z' "
        "fill='{c}'/><path d='M100 74V46M124 91l27-9M115 119l17 24M85 119l-17 24M76 91l-27-9' "
        "stroke='{k}' stroke-width='3'/><path d='M80 37l20 9 20-9q-20-6-40 0zM151 82l12 20q2-22"
        "-9-38zM132 143l-4 12q12-6 22-18zM68 143l4 12q-12-6-22-18zM49 82l-12 20q-2-22 9-38z' "
        "fill='{c}'/><circle cx='100' cy='98' r='64' fill='none' stroke='{d}' stroke-width='3'/>"
    ),
    "basketball": (
        "<circle cx='100' cy='98' r='64' fill='{c}'/><path d='M36 98h128M100 34v128M56 52q40 46 "
        "0 92M144 52q-40 46 0 92' fill='none' stroke='{k}' stroke-width='4'/>"
    ),
    "mat": (
        "<path d='M50 124h122q8 20-8 32H66z' fill='{d}'/><path d='M30 56h116v88H30z' "
        "fill='{c}' transform='skewX(-4) translate(10 0)'/><circle cx='52' cy='138' r='22' "
        "fill='{d}'/><circle cx='52' cy='138' r='14' fill='{c}'/><circle cx='52' cy='138' r='6' "
        "fill='{k}'/><path d='M64 76h62M62 92h62' stroke='{l}' stroke-width='4'/>"
    ),
    "dumbbell": (
        "<rect x='58' y='90' width='84' height='20' rx='6' fill='{k}'/>"
        "<rect x='24' y='72' width='20' height='56' rx='7' fill='{d}'/>"
        "<rect x='42' y='58' width='24' height='84' rx='8' fill='{c}'/>"
        "<rect x='134' y='58' width='24' height='84' rx='8' fill='{c}'/>"
        "<rect x='156' y='72' width='20' height='56' rx='7' fill='{d}'/>"
    ),
    "tent": (
        "<path d='M100 42l76 112H24z' fill='{c}'/><path d='M100 42l76 112h-42z' fill='{d}'/>"
        "<path d='M100 80l26 74H74z' fill='{k}'/><path d='M100 80l-4 74H74z' fill='{l}'/>"
        "<path d='M100 42v-14' stroke='{k}' stroke-width='5'/>"
    ),
    "bottle": (
        "<rect x='84' y='24' width='32' height='26' rx='6' fill='{k}'/>"
        "<path d='M82 50h36q14 14 14 34v66q0 16-16 16H84q-16 0-16-16V84q0-20 14-34z' "
        "fill='{c}'/><path d='M68 112h64v22H68z' fill='{d}'/>"
        "<path d='M80 80v24' stroke='{l}' stroke-width='7' stroke-linecap='round'/>"
    ),
    "blocks": (
        "<rect x='32' y='102' width='62' height='58' rx='5' fill='{c}'/>"
        "<rect x='100' y='102' width='62' height='58' rx='5' fill='{d}'/>"
        "<path d='M66 96l34-50 34 50z' fill='{l}'/><circle cx='63' cy='131' r='15' fill='{w}'/>"
        "<path d='M131 116l16 30h-32z' fill='{w}'/>"
    ),
    "teddy": (
        "<circle cx='68' cy='44' r='17' fill='{d}'/><circle cx='132' cy='44' r='17' fill='{d}'/>"
        "<ellipse cx='100' cy='130' rx='44' ry='40' fill='{c}'/><circle cx='56' cy='120' r='16' "
        "fill='{d}'/><circle cx='144' cy='120' r='16' fill='{d}'/><circle cx='100' cy='70' r='40' "
        "fill='{c}'/><ellipse cx='100' cy='84' rx='18' ry='14' fill='{l}'/><circle cx='86' "
        "cy='64' r='5' fill='#26282c'/><circle cx='114' cy='64' r='5' fill='#26282c'/><ellipse "
        "cx='100' cy='79' rx='7' ry='5' fill='#26282c'/><ellipse cx='100' cy='136' rx='24' "
        "ry='22' fill='{l}'/>"
    ),
    "car": (
        "<path d='M58 98l18-36h52l24 36z' fill='{d}'/><path d='M74 94l10-22h14v22zM104 94V72h20"
        "l14 22z' fill='#e8f3f8'/><path d='M24 98h132q20 4 20 38H24z' fill='{c}'/>"
        "<circle cx='60' cy='138' r='19' fill='#2c2e34'/><circle cx='60' cy='138' r='8' "
        "fill='{w}'/><circle cx='140' cy='138' r='19' fill='#2c2e34'/><circle cx='140' cy='138' "
        "r='8' fill='{w}'/><circle cx='168' cy='112' r='6' fill='#ffe08a'/>"
    ),
    "puzzle": (
        "<path d='M42 66h38q-10-26 14-26t14 26h38v36q26-10 26 14t-26 14v36h-38q10-24-14-24t-14 "
        "24H42v-38q24 10 24-12T42 104z' fill='{c}'/><path d='M42 158h38l4-8H42zM108 166h38v-8h"
        "-36z' fill='{d}' opacity='.6'/><path d='M54 78h30' stroke='{l}' stroke-width='5' "
        "stroke-linecap='round'/>"
    ),
    "dice": (
        "<rect x='30' y='70' width='84' height='84' rx='16' fill='{c}' transform='rotate(-8 72 "
        "112)'/><g fill='{w}'><circle cx='52' cy='94' r='7'/><circle cx='72' cy='112' r='7'/>"
        "<circle cx='92' cy='130' r='7'/></g><path d='M134 156q-10 0-10-10l14-36a18 18 0 1 1 20 0"
        "l14 36q0 10-10 10z' fill='{d}'/>"
    ),
    "book": (
        "<path d='M54 36h88q8 0 8 8v112H62q-12 0-12-12V44q0-8 4-8z' fill='{c}'/>"
        "<path d='M50 144q0-12 12-12h88v24H62q-12 0-12-12z' fill='{d}'/>"
        "<path d='M60 144q0-5 5-5h85v11H65q-5 0-5-6z' fill='#fffdf6'/>"
        "<path d='M64 36v96' stroke='{d}' stroke-width='4'/>"
        "<path d='M82 60h50M90 72h34' stroke='{w}' stroke-width='6' stroke-linecap='round'/>"
        "<circle cx='107' cy='102' r='14' fill='{l}'/>"
    ),
}
